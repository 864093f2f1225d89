//! How long work shows itself: a bar on a terminal, a line per step elsewhere.

use std::{
    io::IsTerminal,
    sync::{Arc, Mutex, PoisonError},
};

use indicatif::{ProgressBar, ProgressStyle};
use lis_loaders::{LoadEvent, Progress};

use super::step;

/// The progress of a load.
pub(crate) fn of_load() -> Arc<dyn Progress> {
    if std::io::stderr().is_terminal() { Arc::new(Bar(Mutex::new(None))) } else { Arc::new(Lines) }
}

#[derive(Debug)]
struct Lines;

impl Progress for Lines {
    fn event(&self, event: &LoadEvent<'_>) {
        match event {
            LoadEvent::BatchBegan { key, files, bytes, .. } => {
                step(&format!("loading {key}: {files} files, {} KiB", bytes.div_ceil(1024)));
            }
            LoadEvent::TableBegan { .. } | LoadEvent::Read { .. } | LoadEvent::BatchEnded { .. } => {}
        }
    }
}

#[derive(Debug)]
struct Bar(Mutex<Option<ProgressBar>>);

impl Progress for Bar {
    fn event(&self, event: &LoadEvent<'_>) {
        let mut bar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            LoadEvent::BatchBegan { key, bytes, .. } => {
                let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes}");
                let began = ProgressBar::new(*bytes).with_message(key.to_string());
                *bar = Some(match style {
                    Ok(style) => began.with_style(style),
                    Err(_) => began,
                });
            }
            LoadEvent::Read { bytes, .. } => {
                if let Some(bar) = bar.as_ref() {
                    bar.inc(*bytes);
                }
            }
            LoadEvent::BatchEnded { .. } => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                }
            }
            LoadEvent::TableBegan { .. } => {}
        }
    }
}
