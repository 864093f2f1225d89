//! `CALL lis.verify([table])`: reads every byte of every data file, of the past too, and compares. A warning names each
//! file that is not as it was written, and the call fails if there is one.

use super::{Call, Notices};
use crate::{
    error::{Condition, Result, ServerError},
    wire::error::Report,
};

impl Call<'_> {
    /// For the operator, who sees no rows by it: names of tables and of files are what is told.
    pub(super) async fn verify(&mut self) -> Result<Notices> {
        self.require_operator()?;
        let table = match self.arguments(0, 1)?.len() {
            0 => None,
            _ => Some(self.table(0)?.1.id),
        };
        let verified = self.session.server.lake.verify(table).await?;
        let (files, damaged) = (verified.files, verified.damaged);
        if damaged.is_empty() {
            let mebibytes = verified.bytes.div_ceil(1 << 20);
            return Ok(vec![Report::notice(format!("{files} data files are whole ({mebibytes} MiB)"))]);
        }
        for error in &damaged {
            let report = Report::warning(Condition::DataCorrupted, error.to_string());
            self.session.notice(&report)?;
        }
        Err(ServerError::new(
            Condition::DataCorrupted,
            format!("{} of {files} data files are damaged", damaged.len()),
        )
        .with_hint("The warnings name them; take them from a backup."))
    }
}
