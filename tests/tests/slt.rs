//! One trial per file of `slt/`: statements and expected rows, spoken by several users. See `src/slt.rs` for the form.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use lis_tests::{slt, trials::Trials};

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("slt");
    let mut files = Vec::new();
    let mut trials = Trials::new();
    if let Err(error) = collect(&root, &mut files) {
        trials.push("the directory slt".to_owned(), || Err(error.into()));
    }
    files.sort();
    for path in files {
        let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        trials.push(name, move || slt::run_file(&path));
    }
    trials.run()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            files.push(path);
        }
    }
    Ok(())
}
