//! Character sets: `convert`, `convert_from`, `convert_to` and `length(bytea, name)`. Text is always UTF-8; a character
//! set is only something that bytes are in. PostgreSQL's table of them is here whole, so that names and numbers are
//! known; converted are those of one byte to a character. The others are refused, never guessed at.
//!
//! PostgreSQL has conversions between UTF8 and each of the others, and very few between two others.

use arrow::array::ArrayRef;
use encoding_rs as rs;

use crate::{
    error::{FunctionError, FunctionErrorKind},
    kernels::{Bytes, Int4, Text, map, map_bytes, map_text},
    scalar::Arguments,
};

type Done = Result<ArrayRef, FunctionError>;

/// How bytes become characters.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Bytes of which nothing is known.
    Ascii,
    Utf8,
    /// A standard of ISO, in which 0x80 to 0x9f are control characters.
    Iso(&'static rs::Encoding),
    /// A code page, which may lack characters.
    CodePage(&'static rs::Encoding),
    /// ISO 8859-1: each byte is the character of its number.
    Latin1,
    /// One that is not converted.
    Refused,
}

/// A character set of PostgreSQL's.
#[derive(Debug)]
pub struct CharacterSet {
    /// Its number, as in `pg_database.encoding`.
    pub number: i32,
    /// Its name.
    pub name: &'static str,
    /// Other names, in lower case and without anything but letters and digits.
    aliases: &'static [&'static str],
    kind: Kind,
}

const fn set(number: i32, name: &'static str, aliases: &'static [&'static str], kind: Kind) -> CharacterSet {
    CharacterSet { number, name, aliases, kind }
}

const SETS: &[CharacterSet] = &[
    set(0, "SQL_ASCII", &[], Kind::Ascii),
    set(1, "EUC_JP", &[], Kind::Refused),
    set(2, "EUC_CN", &[], Kind::Refused),
    set(3, "EUC_KR", &[], Kind::Refused),
    set(4, "EUC_TW", &[], Kind::Refused),
    set(5, "EUC_JIS_2004", &[], Kind::Refused),
    set(6, "UTF8", &["unicode"], Kind::Utf8),
    set(7, "MULE_INTERNAL", &[], Kind::Refused),
    set(8, "LATIN1", &["iso88591"], Kind::Latin1),
    set(9, "LATIN2", &["iso88592"], Kind::Iso(rs::ISO_8859_2)),
    set(10, "LATIN3", &["iso88593"], Kind::Iso(rs::ISO_8859_3)),
    set(11, "LATIN4", &["iso88594"], Kind::Iso(rs::ISO_8859_4)),
    // Beyond the control characters the code page is the standard.
    set(12, "LATIN5", &["iso88599"], Kind::Iso(rs::WINDOWS_1254)),
    set(13, "LATIN6", &["iso885910"], Kind::Iso(rs::ISO_8859_10)),
    set(14, "LATIN7", &["iso885913"], Kind::Iso(rs::ISO_8859_13)),
    set(15, "LATIN8", &["iso885914"], Kind::Iso(rs::ISO_8859_14)),
    set(16, "LATIN9", &["iso885915"], Kind::Iso(rs::ISO_8859_15)),
    set(17, "LATIN10", &["iso885916"], Kind::Iso(rs::ISO_8859_16)),
    set(18, "WIN1256", &["windows1256"], Kind::CodePage(rs::WINDOWS_1256)),
    set(
        19,
        "WIN1258",
        &["windows1258", "abc", "tcvn", "tcvn5712", "vscii"],
        Kind::CodePage(rs::WINDOWS_1258),
    ),
    set(20, "WIN866", &["windows866", "alt"], Kind::CodePage(rs::IBM866)),
    set(21, "WIN874", &["windows874"], Kind::CodePage(rs::WINDOWS_874)),
    set(22, "KOI8R", &["koi8"], Kind::CodePage(rs::KOI8_R)),
    set(23, "WIN1251", &["windows1251", "win"], Kind::CodePage(rs::WINDOWS_1251)),
    set(24, "WIN1252", &["windows1252"], Kind::CodePage(rs::WINDOWS_1252)),
    set(25, "ISO_8859_5", &[], Kind::Iso(rs::ISO_8859_5)),
    set(26, "ISO_8859_6", &[], Kind::Iso(rs::ISO_8859_6)),
    set(27, "ISO_8859_7", &[], Kind::Iso(rs::ISO_8859_7)),
    set(28, "ISO_8859_8", &[], Kind::Iso(rs::ISO_8859_8)),
    set(29, "WIN1250", &["windows1250"], Kind::CodePage(rs::WINDOWS_1250)),
    set(30, "WIN1253", &["windows1253"], Kind::CodePage(rs::WINDOWS_1253)),
    set(31, "WIN1254", &["windows1254"], Kind::CodePage(rs::WINDOWS_1254)),
    set(32, "WIN1255", &["windows1255"], Kind::CodePage(rs::WINDOWS_1255)),
    set(33, "WIN1257", &["windows1257"], Kind::CodePage(rs::WINDOWS_1257)),
    set(34, "KOI8U", &[], Kind::Refused),
    set(35, "SJIS", &["shiftjis", "mskanji", "win932", "windows932"], Kind::Refused),
    set(36, "BIG5", &["win950", "windows950"], Kind::Refused),
    set(37, "GBK", &["win936", "windows936"], Kind::Refused),
    set(38, "UHC", &["win949", "windows949"], Kind::Refused),
    set(39, "GB18030", &[], Kind::Refused),
    set(40, "JOHAB", &[], Kind::Refused),
    set(41, "SHIFT_JIS_2004", &["shiftjis2004"], Kind::Refused),
];

/// The characters of the bytes from 0x80 on.
type Upper = [Option<char>; 128];

impl CharacterSet {
    /// The set of this name: case and all but letters and digits do not matter.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        let plain = |name: &str| {
            name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
        };
        let wanted = plain(name);
        SETS.iter().find(|set| plain(set.name) == wanted || set.aliases.contains(&wanted.as_str()))
    }

    /// The set of this number.
    pub fn by_number(number: i64) -> Option<&'static Self> {
        SETS.iter().find(|set| i64::from(set.number) == number)
    }

    /// The most bytes that a character takes, where that is known.
    pub fn bytes_max(&self) -> Option<i64> {
        match self.kind {
            Kind::Utf8 => Some(4),
            Kind::Refused => None,
            _ => Some(1),
        }
    }

    fn refused(&self) -> FunctionError {
        let message = format!("the character set \"{}\" is not supported", self.name);
        FunctionError::new(FunctionErrorKind::FeatureNotSupported, message)
    }

    /// 22021 where bytes cannot be in this set.
    fn verify(&self, bytes: &[u8]) -> Result<(), FunctionError> {
        let wrong = match self.kind {
            Kind::Refused => return Err(self.refused()),
            Kind::Utf8 => {
                let end = std::str::from_utf8(bytes).err().map(|error| error.valid_up_to());
                bytes
                    .iter()
                    .position(|byte| *byte == 0)
                    .filter(|zero| end.is_none_or(|end| *zero < end))
                    .or(end)
            }
            _ => bytes.iter().position(|byte| *byte == 0),
        };
        let Some(wrong) = wrong else { return Ok(()) };
        let shown = if matches!(self.kind, Kind::Utf8) { announced(bytes.get(wrong)) } else { 1 };
        let shown = bytes.iter().skip(wrong).take(shown).map(|byte| format!("0x{byte:02x}"));
        let message = format!(
            "invalid byte sequence for encoding \"{}\": {}",
            self.name,
            shown.collect::<Vec<_>>().join(" ")
        );
        Err(FunctionError::new(FunctionErrorKind::CharacterNotInRepertoire, message))
    }

    fn upper(&self) -> Result<Upper, FunctionError> {
        let mut upper = [None; 128];
        for (byte, place) in (0x80_u8..=0xff).zip(&mut upper) {
            let of = |encoding: &'static rs::Encoding| {
                let text = encoding
                    .decode_without_bom_handling_and_without_replacement(std::slice::from_ref(&byte))?;
                text.chars().next()
            };
            *place = match self.kind {
                Kind::Latin1 => Some(char::from(byte)),
                Kind::Iso(_) if byte < 0xa0 => Some(char::from(byte)),
                Kind::Iso(encoding) => of(encoding),
                // What a code page lacks stands in the web's tables as a control character.
                Kind::CodePage(encoding) => of(encoding).filter(|one| !one.is_control()),
                Kind::Ascii | Kind::Utf8 | Kind::Refused => return Err(self.refused()),
            };
        }
        Ok(upper)
    }

    /// Bytes of this set, which are verified, as text.
    fn decode(&self, bytes: &[u8], out: &mut String) -> Result<(), FunctionError> {
        if matches!(self.kind, Kind::Ascii | Kind::Utf8) || bytes.is_ascii() {
            let utf8 = CharacterSet::by_number(6).ok_or_else(|| FunctionError::internal("there is UTF8"))?;
            utf8.verify(bytes)?;
            out.push_str(std::str::from_utf8(bytes).unwrap_or_default());
            return Ok(());
        }
        let upper = self.upper()?;
        for byte in bytes {
            let one = match byte.checked_sub(0x80) {
                None => Some(char::from(*byte)),
                Some(index) => upper.get(usize::from(index)).copied().flatten(),
            };
            out.push(one.ok_or_else(|| untranslatable(&[*byte], self.name, "UTF8"))?);
        }
        Ok(())
    }

    /// Text as bytes of this set.
    fn encode(&self, text: &str, out: &mut Vec<u8>) -> Result<(), FunctionError> {
        if matches!(self.kind, Kind::Ascii | Kind::Utf8)
            || text.is_ascii() && !matches!(self.kind, Kind::Refused)
        {
            out.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        let upper = self.upper()?;
        for one in text.chars() {
            let byte = match u8::try_from(u32::from(one)) {
                Ok(byte) if byte < 0x80 => Some(byte),
                _ => (0x80_u8..=0xff).zip(upper).find(|(_, known)| *known == Some(one)).map(|(byte, _)| byte),
            };
            let lacking = || untranslatable(one.encode_utf8(&mut [0; 4]).as_bytes(), "UTF8", self.name);
            out.push(byte.ok_or_else(lacking)?);
        }
        Ok(())
    }
}

/// How many bytes the first of a character of UTF-8 announces.
fn announced(first: Option<&u8>) -> usize {
    match first {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf7) => 4,
        _ => 1,
    }
}

/// 22P05
fn untranslatable(bytes: &[u8], from: &str, to: &str) -> FunctionError {
    let bytes = bytes.iter().map(|byte| format!("0x{byte:02x}")).collect::<Vec<_>>().join(" ");
    let message = format!(
        "character with byte sequence {bytes} in encoding \"{from}\" has no equivalent in encoding \"{to}\""
    );
    FunctionError::new(FunctionErrorKind::UntranslatableCharacter, message)
}

fn named(name: &str, what: &str) -> Result<&'static CharacterSet, FunctionError> {
    CharacterSet::by_name(name)
        .ok_or_else(|| FunctionError::invalid_parameter(format!("invalid {what}encoding name \"{name}\"")))
}

/// `convert(bytea, name, name)`
pub fn convert(arguments: &Arguments<'_>) -> Done {
    map_bytes::<(Bytes, Text, Text)>(arguments, |(bytes, from, to), out| {
        let (from, to) = (named(from, "source ")?, named(to, "destination ")?);
        from.verify(bytes)?;
        if from.number == to.number || matches!(to.kind, Kind::Ascii) {
            out.extend_from_slice(bytes);
            return Ok(());
        }
        match (from.kind, to.kind) {
            (Kind::Ascii, _) => {
                to.verify(bytes)?;
                out.extend_from_slice(bytes);
                Ok(())
            }
            (_, Kind::Utf8) => {
                let mut text = String::new();
                from.decode(bytes, &mut text)?;
                out.extend_from_slice(text.as_bytes());
                Ok(())
            }
            (Kind::Utf8, _) => to.encode(std::str::from_utf8(bytes).unwrap_or_default(), out),
            _ if has_conversion(from, to) => Err(to.refused()),
            _ => {
                let message = format!(
                    "default conversion function for encoding \"{}\" to \"{}\" does not exist",
                    from.name, to.name
                );
                Err(FunctionError::new(FunctionErrorKind::UndefinedFunction, message))
            }
        }
    })
}

/// Whether PostgreSQL converts between two sets of one byte: those of Cyrillic among each other, and the Central European.
fn has_conversion(from: &CharacterSet, to: &CharacterSet) -> bool {
    const CYRILLIC: &[&str] = &["KOI8R", "WIN1251", "WIN866", "ISO_8859_5"];
    const CENTRAL: &[&str] = &["LATIN2", "WIN1250"];
    let both = |sets: &[&str]| sets.contains(&from.name) && sets.contains(&to.name);
    both(CYRILLIC) || both(CENTRAL) || [from, to].iter().any(|set| matches!(set.kind, Kind::Refused))
}

/// `convert_from(bytea, name)`
pub fn convert_from(arguments: &Arguments<'_>) -> Done {
    map_text::<(Bytes, Text)>(arguments, |(bytes, from), out| {
        let from = named(from, "source ")?;
        from.verify(bytes)?;
        from.decode(bytes, out)
    })
}

/// `convert_to(text, name)`
pub fn convert_to(arguments: &Arguments<'_>) -> Done {
    map_bytes::<(Text, Text)>(arguments, |(text, to), out| named(to, "destination ")?.encode(text, out))
}

/// `length(bytea, name)`: in characters.
pub fn length(arguments: &Arguments<'_>) -> Done {
    map::<(Bytes, Text), Int4>(arguments, |(bytes, name)| {
        let set = named(name, "")?;
        set.verify(bytes)?;
        let characters = match set.kind {
            Kind::Utf8 => crate::strings::characters(std::str::from_utf8(bytes).unwrap_or_default()),
            _ => bytes.len(),
        };
        i32::try_from(characters).map_err(|_| FunctionError::out_of_range("integer"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(name: &str, bytes: &[u8]) -> Result<String, FunctionErrorKind> {
        let mut out = String::new();
        let set = CharacterSet::by_name(name).unwrap();
        set.verify(bytes).and_then(|()| set.decode(bytes, &mut out)).map(|()| out).map_err(|error| error.kind)
    }

    #[test]
    fn bytes_become_characters() {
        assert_eq!(decoded("latin-1", b"\xe5\x80").unwrap(), "å\u{80}");
        assert_eq!(decoded("LATIN9", b"\xa4").unwrap(), "€");
        assert_eq!(decoded("windows-1252", b"\x80").unwrap(), "€");
        assert_eq!(decoded("WIN1252", b"\x81"), Err(FunctionErrorKind::UntranslatableCharacter));
        assert_eq!(decoded("UTF8", b"a\xe5"), Err(FunctionErrorKind::CharacterNotInRepertoire));
        assert_eq!(decoded("UTF8", b"a\0"), Err(FunctionErrorKind::CharacterNotInRepertoire));
        assert_eq!(decoded("EUC_JP", b"a"), Err(FunctionErrorKind::FeatureNotSupported));
        assert!(CharacterSet::by_name("utf-16").is_none());
    }

    #[test]
    fn characters_become_bytes() {
        let encoded = |name: &str, text: &str| {
            let mut out = Vec::new();
            let done = CharacterSet::by_name(name).unwrap().encode(text, &mut out);
            done.map(|()| out).map_err(|error| error.message)
        };
        assert_eq!(encoded("LATIN1", "aå").unwrap(), b"a\xe5");
        assert_eq!(encoded("SQL_ASCII", "å").unwrap(), "å".as_bytes());
        assert_eq!(
            encoded("LATIN1", "€").unwrap_err(),
            "character with byte sequence 0xe2 0x82 0xac in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\""
        );
    }
}
