//! Names, folded and quoted once, here. An [`Identifier`] is what a name *is* after folding (`Anna` written without
//! quotes is `anna`); how it was written is forgotten.

use std::fmt;

/// The longest identifier in bytes (PostgreSQL's `NAMEDATALEN - 1`); longer ones are cut there, as PostgreSQL does.
pub const IDENTIFIER_BYTES_MAX: usize = 63;

/// The name of a schema, relation, column, role or function, after folding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(String);

impl Identifier {
    /// A name as written without quotes: ASCII letters fold to lower case.
    pub fn fold(written: &str) -> Self {
        Self::exact(&written.to_ascii_lowercase())
    }

    /// A name taken as it is: from between double quotes, or from the catalogue.
    pub fn exact(name: &str) -> Self {
        let mut end = name.len().min(IDENTIFIER_BYTES_MAX);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        Self(name[..end].to_owned())
    }

    /// The folded name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name must be quoted to be read back as itself. Reserved words are the SQL layer's knowledge and are
    /// not considered here.
    fn needs_quotes(&self) -> bool {
        let mut bytes = self.0.bytes();
        let first = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
        !(first
            && bytes.all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'$'
            }))
    }
}

impl fmt::Display for Identifier {
    /// Writes the name as SQL, in quotes where it needs them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.needs_quotes() {
            write!(formatter, "\"{}\"", self.0.replace('"', "\"\""))
        } else {
            formatter.write_str(&self.0)
        }
    }
}

/// A relation's full name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QualifiedName {
    /// The schema.
    pub schema: Identifier,
    /// The name within the schema.
    pub name: Identifier,
}

impl QualifiedName {
    /// Joins a schema and a name, both taken as they are.
    pub fn new(schema: &str, name: &str) -> Self {
        Self { schema: Identifier::exact(schema), name: Identifier::exact(name) }
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.schema, self.name)
    }
}
