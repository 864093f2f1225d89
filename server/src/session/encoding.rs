//! `client_encoding`: how a client's text is written in bytes. The server's own encoding is UTF-8; the others are single
//! byte sets that older ODBC clients ask for. A character that the client's set lacks is an error (22P05), never a
//! question mark.

use encoding_rs::{Encoding, ISO_8859_15, WINDOWS_1252};

use crate::error::{Condition, Result, ServerError};

/// An encoding that a client can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ClientEncoding {
    /// UTF8
    #[default]
    Utf8,
    /// LATIN1, ISO 8859-1
    Latin1,
    /// LATIN9, ISO 8859-15
    Latin9,
    /// WIN1252
    Windows1252,
}

impl ClientEncoding {
    /// The encoding that a client names: case, `-` and `_` do not matter, as in PostgreSQL.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        let plain: String =
            name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
        match plain.as_str() {
            "UTF8" | "UNICODE" => Some(Self::Utf8),
            "LATIN1" | "ISO88591" => Some(Self::Latin1),
            "LATIN9" | "ISO885915" => Some(Self::Latin9),
            "WIN1252" | "WINDOWS1252" => Some(Self::Windows1252),
            _ => None,
        }
    }

    /// PostgreSQL's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF8",
            Self::Latin1 => "LATIN1",
            Self::Latin9 => "LATIN9",
            Self::Windows1252 => "WIN1252",
        }
    }

    fn table(self) -> &'static Encoding {
        match self {
            Self::Latin9 => ISO_8859_15,
            Self::Utf8 | Self::Latin1 | Self::Windows1252 => WINDOWS_1252,
        }
    }

    /// A client's bytes as text.
    pub(crate) fn decode(self, bytes: &[u8]) -> Result<String> {
        match self {
            Self::Utf8 => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(text.to_owned()),
                Err(error) => {
                    // PostgreSQL shows as many bytes as the first of them announces.
                    let rest = &bytes[error.valid_up_to()..];
                    let announced = match rest.first() {
                        Some(0xc0..=0xdf) => 2,
                        Some(0xe0..=0xef) => 3,
                        Some(0xf0..=0xf7) => 4,
                        _ => 1,
                    };
                    let wrong: Vec<String> =
                        rest.iter().take(announced).map(|byte| format!("0x{byte:02x}")).collect();
                    Err(ServerError::new(
                        Condition::CharacterNotInRepertoire,
                        format!("invalid byte sequence for encoding \"UTF8\": {}", wrong.join(" ")),
                    ))
                }
            },
            Self::Latin1 => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
            Self::Latin9 | Self::Windows1252 => {
                let (text, _) = self.table().decode_without_bom_handling(bytes);
                Ok(text.into_owned())
            }
        }
    }

    /// Appends text in the client's encoding.
    pub(crate) fn encode(self, text: &str, out: &mut Vec<u8>) -> Result<()> {
        if self == Self::Utf8 || text.is_ascii() {
            out.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        for character in text.chars() {
            let byte = match self {
                Self::Latin1 => u8::try_from(u32::from(character)).ok(),
                Self::Utf8 | Self::Latin9 | Self::Windows1252 => {
                    let mut buffer = [0; 4];
                    let (bytes, _, unmappable) = self.table().encode(character.encode_utf8(&mut buffer));
                    if unmappable { None } else { bytes.first().copied() }
                }
            };
            out.push(byte.ok_or_else(|| self.untranslatable(character))?);
        }
        Ok(())
    }

    fn untranslatable(self, character: char) -> ServerError {
        let mut buffer = [0; 4];
        let bytes: Vec<String> =
            character.encode_utf8(&mut buffer).bytes().map(|byte| format!("0x{byte:02x}")).collect();
        ServerError::new(
            Condition::UntranslatableCharacter,
            format!(
                "character with byte sequence {} in encoding \"UTF8\" has no equivalent in encoding \"{}\"",
                bytes.join(" "),
                self.name()
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swedish_letters_survive_each_encoding_and_others_are_refused() {
        for encoding in [
            ClientEncoding::Utf8,
            ClientEncoding::Latin1,
            ClientEncoding::Latin9,
            ClientEncoding::Windows1252,
        ] {
            let mut bytes = Vec::new();
            encoding.encode("Kårdalen, Öxnö", &mut bytes).unwrap();
            assert_eq!(encoding.decode(&bytes).unwrap(), "Kårdalen, Öxnö");
        }
        let mut bytes = Vec::new();
        assert!(ClientEncoding::Latin1.encode("5 €", &mut bytes).is_err());
        bytes.clear();
        ClientEncoding::Windows1252.encode("5 €", &mut bytes).unwrap();
        assert_eq!(bytes, b"5 \x80");
    }

    #[test]
    fn a_wrong_byte_is_named() {
        let error = ClientEncoding::Utf8.decode(b"ab\xe5c").unwrap_err();
        assert_eq!(error.to_string(), "invalid byte sequence for encoding \"UTF8\": 0xe5 0x63");
    }
}
