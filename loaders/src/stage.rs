//! Staging: which files make which batches. All files of one business date and sequence are one batch; each feeds the tables
//! whose patterns fit its name.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::NaiveDate;
use lis_lake::ids::BatchId;

use crate::{
    batch::{Batch, BatchHeader, BatchKey},
    config::{FileNameParts, FilePattern, LoadSpec},
    error::LoadError,
    source::SourceFile,
};

/// The state of a batch whose files are known.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) delivery: Delivery,
}

/// The files of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) key: BatchKey,
    /// Every file once, in the order of names.
    pub(crate) files: Vec<Arc<SourceFile>>,
    /// The files of each table (by position in [`LoadSpec::tables`]), and what their names say.
    pub(crate) by_table: BTreeMap<usize, Vec<(Arc<SourceFile>, FileNameParts)>>,
}

impl Delivery {
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Begins the batch.
    pub(crate) fn stage(self, number: Option<BatchId>, spec: &Arc<LoadSpec>) -> Batch<Staged> {
        let header = BatchHeader { number, key: self.key.clone(), spec: Arc::clone(spec) };
        Batch { header, state: Staged { delivery: self } }
    }
}

/// What lies in a source's directory.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    /// In the order of business dates and sequences.
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) unclaimed: Vec<String>,
    /// Every date that there are files of, also those that were not asked for.
    pub(crate) dates: BTreeSet<NaiveDate>,
}

/// Which files are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// Only this business date, and the date of files whose name has none.
    pub(crate) date: Option<NaiveDate>,
    /// Whether the files were named one by one: then each must be taken, and a sole table takes any.
    pub(crate) named: bool,
}

/// Sorts files into batches.
pub(crate) fn plan(spec: &LoadSpec, files: Vec<SourceFile>, wanted: Wanted) -> Result<Deliveries, LoadError> {
    let mut planned = Deliveries::default();
    let mut batches: BTreeMap<(NaiveDate, u32), Delivery> = BTreeMap::new();
    for file in files {
        let file = Arc::new(file);
        let mut claimed = false;
        for (number, table) in spec.tables.iter().enumerate() {
            let fits = table.files.iter().find_map(|pattern| Some((pattern, pattern.matches(&file.name)?)));
            let (date, parts) = match fits {
                Some((pattern, parts)) => (file_date(&file, pattern, &parts, wanted)?, parts),
                None if wanted.named && spec.tables.len() == 1 => {
                    (FileDate::of(&file, wanted.date)?, FileNameParts::default())
                }
                None => continue,
            };
            claimed = true;
            let FileDate { date, wanted: take } = date;
            planned.dates.insert(date);
            if !take {
                continue;
            }
            let sequence = parts.sequence.unwrap_or(1);
            let delivery = batches.entry((date, sequence)).or_insert_with(|| Delivery {
                key: BatchKey { source: spec.name.clone(), business_date: date, sequence },
                files: Vec::new(),
                by_table: BTreeMap::new(),
            });
            if delivery.files.last() != Some(&file) {
                delivery.files.push(Arc::clone(&file));
            }
            delivery.by_table.entry(number).or_default().push((Arc::clone(&file), parts));
        }
        if !claimed {
            if wanted.named {
                return Err(LoadError::UnclaimedFile {
                    source_name: spec.name.clone(),
                    path: file.location.clone().into(),
                    patterns: spec
                        .tables
                        .iter()
                        .flat_map(|table| &table.files)
                        .map(|pattern| pattern.text().to_owned())
                        .collect(),
                });
            }
            planned.unclaimed.push(file.name.clone());
        }
    }
    planned.deliveries = batches.into_values().collect();
    Ok(planned)
}

/// A file's business date, and whether it is asked for.
struct FileDate {
    date: NaiveDate,
    wanted: bool,
}

impl FileDate {
    /// The date given for files whose names have none.
    fn of(file: &SourceFile, given: Option<NaiveDate>) -> Result<Self, LoadError> {
        match given {
            Some(date) => Ok(Self { date, wanted: true }),
            None => Err(LoadError::DateNeeded { file: file.name.clone() }),
        }
    }
}

fn file_date(
    file: &SourceFile,
    pattern: &FilePattern,
    parts: &FileNameParts,
    wanted: Wanted,
) -> Result<FileDate, LoadError> {
    let Some(text) = &parts.date_text else { return FileDate::of(file, wanted.date) };
    let Some(date) = parts.date else {
        return Err(LoadError::DateInFileName { file: file.name.clone(), text: text.clone() });
    };
    let same_month = pattern.date_format().is_some_and(crate::DateFormat::is_month);
    let is_wanted = wanted.date.is_none_or(|wanted| {
        use chrono::Datelike;
        wanted == date || (same_month && wanted.year() == date.year() && wanted.month() == date.month())
    });
    Ok(FileDate { date, wanted: is_wanted })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn spec() -> LoadSpec {
        let column = "[[table.column]]\nname = 'a'\ntype = 'text'\n";
        let text = format!(
            "[source]\n[[table]]\nname = 's.one'\nfiles = ['one_*_{{date:YYYYMM}}_{{sequence}}.csv', 'one_{{date:YYYYMM}}.csv']\n{column}\
             [[table]]\nname = 's.two'\nfiles = ['*_{{date:YYYYMM}}.csv', 'plain.csv']\n{column}"
        );
        LoadSpec::parse(Path::new("test.toml"), &text).unwrap()
    }

    fn files(names: &[&str]) -> Vec<SourceFile> {
        let file =
            |name: &&str| SourceFile { name: (*name).to_owned(), location: (*name).to_owned(), bytes: 1 };
        names.iter().map(file).collect()
    }

    fn date(text: &str) -> Option<NaiveDate> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn files_of_a_date_and_sequence_are_a_batch() {
        let names = ["one_202401.csv", "one_a_202401_2.csv", "two_202401.csv", "two_202402.csv", "x.txt"];
        let planned = plan(&spec(), files(&names), Wanted { date: None, named: false }).unwrap();
        let keys: Vec<String> = planned.deliveries.iter().map(|delivery| delivery.key.to_string()).collect();
        assert_eq!(keys, ["test 2024-01-31", "test 2024-01-31 sequence 2", "test 2024-02-29"]);
        let first = &planned.deliveries[0];
        assert_eq!(first.files.len(), 2);
        assert_eq!(
            (first.by_table[&0].len(), first.by_table[&1].len()),
            (1, 2),
            "a file may feed two tables"
        );
        assert_eq!(planned.unclaimed, ["x.txt"]);
    }

    #[test]
    fn a_date_takes_the_files_of_its_month() {
        let names = ["two_202401.csv", "two_202402.csv"];
        let wanted = Wanted { date: date("2024-02-10"), named: false };
        let planned = plan(&spec(), files(&names), wanted).unwrap();
        assert_eq!(planned.deliveries.len(), 1);
        assert_eq!(Some(planned.deliveries[0].key.business_date), date("2024-02-29"));
        assert_eq!(planned.dates.len(), 2);
    }

    #[test]
    fn what_cannot_be_placed_is_said() {
        let undated = plan(&spec(), files(&["plain.csv"]), Wanted { date: None, named: false });
        assert!(matches!(undated, Err(LoadError::DateNeeded { file }) if file == "plain.csv"));
        let wrong = plan(&spec(), files(&["two_202413.csv"]), Wanted { date: None, named: false });
        assert!(matches!(wrong, Err(LoadError::DateInFileName { text, .. }) if text == "202413"));
        let unclaimed = plan(&spec(), files(&["x.txt"]), Wanted { date: None, named: true });
        assert!(matches!(unclaimed, Err(LoadError::UnclaimedFile { patterns, .. }) if patterns.len() == 4));
    }
}
