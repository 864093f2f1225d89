//! Backups beside commits, cut backups, damage.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::testing::{TestLake, rows, table_of};

async fn lake_with_rows(count: i64) -> (TestLake, std::sync::Arc<crate::table::Table>) {
    let (test, table) = TestLake::with_table().await;
    for line in 0..count {
        test.append(&table, rows(&table, &[(Some("a"), 1, i128::from(line), line)])).await;
    }
    (test, table)
}

fn data_file(place: &Path) -> PathBuf {
    copy::files_below(&place.join(FILES)).unwrap().pop().unwrap()
}

#[tokio::test]
async fn a_second_backup_copies_what_is_new_and_old_ones_are_pruned() {
    let (test, table) = lake_with_rows(3).await;
    fs::create_dir(test.directory.path().join("sources.d")).unwrap();
    fs::write(test.directory.path().join("sources.d/a.toml"), "x = 1").unwrap();
    let place = tempfile::tempdir().unwrap();
    let place = place.path().join("safe/place");
    let first = backup(&test.lake, &place, &["sources.d", "none"], None).await.unwrap();
    assert_eq!((first.copied.0, first.manifest.files.len(), first.manifest.others.len()), (3, 3, 1));
    test.append(&table, rows(&table, &[(Some("b"), 1, 1, 9)])).await;
    let second = backup(&test.lake, &place, &["sources.d"], None).await.unwrap();
    assert_eq!((second.copied.0, second.manifest.files.len()), (1, 4));
    for path in copy::files_below(&place).unwrap() {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    let target = test.directory.path().join("../restored-").with_extension(std::process::id().to_string());
    for (name, count) in [(Some(first.name.as_str()), 3), (None, 4)] {
        restore(&place, name, &target).unwrap();
        let lake = Lake::open(&target, &[]).await.unwrap();
        assert_eq!(table_of(&lake, &table).await.files.record_count(), count);
        assert_eq!(fs::read_to_string(target.join("sources.d/a.toml")).unwrap(), "x = 1");
        lake.close().await.unwrap();
        assert!(restore(&place, name, &target).unwrap_err().to_string().contains("not empty"));
        fs::remove_dir_all(&target).unwrap();
    }
    let mut staged = test.stage().await;
    staged.replace_files(table.id, []).unwrap();
    test.commit(staged).await;
    let third = backup(&test.lake, &place, &[], Some(1)).await.unwrap();
    assert_eq!(third.pruned.0, [first.name, second.name]);
    assert_eq!(third.pruned.1, 0, "the history refers to them still");
    assert!(!test.directory.path().join("tmp").read_dir().unwrap().any(|_| true), "second names are left");
}

#[tokio::test]
async fn a_cut_backup_is_none_and_is_finished_by_the_next() {
    let (test, _) = lake_with_rows(2).await;
    let place = tempfile::tempdir().unwrap();
    let made = backup(&test.lake, place.path(), &[], None).await.unwrap();
    let finished = place.path().join(BACKUPS).join(&made.name);
    fs::rename(&finished, finished.with_file_name(format!("{UNFINISHED}7"))).unwrap();
    let error = restore(place.path(), None, &place.path().join("new")).unwrap_err();
    assert!(error.to_string().contains("no finished backup"), "{error}");
    // Whether the files of a cut backup are whole nobody has said.
    let again = backup(&test.lake, place.path(), &[], None).await.unwrap();
    assert_eq!(again.copied.0, 2);
    assert_eq!(names_in(&place.path().join(BACKUPS)).unwrap(), [again.name]);
}

#[tokio::test]
async fn damage_is_found_on_the_way_in_and_out() {
    let (test, table) = lake_with_rows(1).await;
    let place = tempfile::tempdir().unwrap();
    backup(&test.lake, place.path(), &[], None).await.unwrap();
    let target = place.path().join("../never");
    let copied = data_file(place.path());
    let whole = fs::read(&copied).unwrap();
    fs::write(&copied, [&whole[..10], &[whole[10] ^ 1], &whole[11..]].concat()).unwrap();
    let error = restore(place.path(), None, &target).unwrap_err();
    assert!(matches!(&error, LakeError::DamagedFile { path, .. } if *path == copied), "{error}");
    assert!(!target.join(CATALOG_FILE).exists());
    fs::remove_dir_all(&target).unwrap();
    let source = test.lake.data_directory().join(copied.strip_prefix(place.path().join(FILES)).unwrap());
    fs::write(&source, &whole[1..]).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let error = backup(&test.lake, elsewhere.path(), &[], None).await.unwrap_err();
    assert!(error.to_string().contains(source.to_str().unwrap()), "{error}");
    fs::remove_file(&source).unwrap();
    let error = backup(&test.lake, elsewhere.path(), &[], None).await.unwrap_err();
    assert!(matches!(error, LakeError::Missing { .. }), "{error}");
    assert!(readable(elsewhere.path()).unwrap().0.is_empty());
    assert_eq!(table.name.as_str(), "t");
}

#[tokio::test]
async fn a_damaged_manifest_keeps_nobody_from_the_other_backups() {
    let (test, table) = lake_with_rows(1).await;
    let place = tempfile::tempdir().unwrap();
    let old = backup(&test.lake, place.path(), &[], None).await.unwrap();
    test.append(&table, rows(&table, &[(Some("b"), 1, 1, 9)])).await;
    let new = backup(&test.lake, place.path(), &[], None).await.unwrap();
    fs::write(place.path().join(BACKUPS).join(&old.name).join(MANIFEST), "{").unwrap();
    let target = place.path().join("../never-either");
    let error = restore(place.path(), None, &target).unwrap_err();
    assert!(error.to_string().contains("--backup"), "{error}");
    let error = restore(place.path(), Some(&old.name), &target).unwrap_err();
    assert!(error.to_string().contains("choose another backup"), "{error}");
    let target = place.path().join("restored");
    assert_eq!(restore(place.path(), Some(&new.name), &target).unwrap().manifest.files.len(), 2);
    let again = backup(&test.lake, place.path(), &[], Some(1)).await.unwrap();
    assert_eq!((again.copied.0, again.pruned.0.len(), again.name), (0, 0, new.name));
}

#[tokio::test]
async fn a_kill_while_a_backup_takes_anothers_place_leaves_one() {
    let (test, _) = lake_with_rows(1).await;
    let place = tempfile::tempdir().unwrap();
    let made = backup(&test.lake, place.path(), &[], None).await.unwrap();
    let finished = place.path().join(BACKUPS).join(&made.name);
    fs::rename(&finished, finished.with_file_name(format!("{EARLIER}{}", made.name))).unwrap();
    Place::open(place.path(), test.directory.path()).unwrap().begin().unwrap();
    assert!(finished.join(MANIFEST).exists(), "it is the finished one still");
    backup(&test.lake, place.path(), &[], None).await.unwrap();
    assert_eq!(names_in(&place.path().join(BACKUPS)).unwrap(), [made.name]);
}

#[tokio::test]
async fn other_directories_are_left_alone() {
    let (test, _) = lake_with_rows(0).await;
    let foreign = tempfile::tempdir().unwrap();
    fs::write(foreign.path().join("letter.txt"), "dear").unwrap();
    let inside = test.directory.path().join("backup");
    for target in [foreign.path(), test.directory.path(), inside.as_path()] {
        let error = backup(&test.lake, target, &[], None).await.unwrap_err();
        assert!(matches!(error, LakeError::Backup { .. }), "{error}");
    }
    assert!(restore(foreign.path(), None, &foreign.path().join("new")).is_err());
    let place = tempfile::tempdir().unwrap();
    backup(&test.lake, place.path(), &[], None).await.unwrap();
    let held = Place::open(place.path(), test.directory.path()).unwrap();
    let error = backup(&test.lake, place.path(), &[], None).await.unwrap_err();
    assert!(error.to_string().contains("another backup"), "{error}");
    drop(held);
}
