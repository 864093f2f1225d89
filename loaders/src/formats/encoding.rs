//! Encodings: bytes → text. A byte that an encoding does not have is written as `\x81` into the text and its place is
//! remembered, so that its row is rejected; nothing is replaced silently.
//!
//! The one-byte encodings and UTF-8 agree with ASCII, so files are cut into blocks before they are decoded. UTF-16 does
//! not: `Utf16Reader` makes UTF-8 of it first, in which a lone surrogate becomes a sequence that UTF-8 does not have
//! and is therefore found like any other undecodable byte.

use encoding_rs::WINDOWS_1252;
use oem_cp::code_table::DECODING_TABLE_CP437;

/// How a file's text is written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without byte order mark.
    Utf8,
    /// UTF-16 by its byte order mark; little-endian without one.
    Utf16,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
    /// windows-1252.
    Windows1252,
    /// ISO-8859-1: its control characters (0x80–0x9F) count as undecodable, since they are signs of windows-1252.
    Iso8859_1,
    /// IBM's code page 437, with `§` and `¶` where accounting programs put them (0x15 and 0x14).
    Cp437,
}

impl Encoding {
    /// Every encoding by its name.
    pub const NAMES: &'static [(&'static str, Encoding)] = &[
        ("utf-8", Encoding::Utf8),
        ("utf-16", Encoding::Utf16),
        ("utf-16le", Encoding::Utf16Le),
        ("utf-16be", Encoding::Utf16Be),
        ("windows-1252", Encoding::Windows1252),
        ("iso-8859-1", Encoding::Iso8859_1),
        ("cp437", Encoding::Cp437),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, encoding)| *encoding == self).map_or("", |(name, _)| name)
    }

    /// Whether it has two bytes per unit, so that it must be decoded before lines are sought.
    pub(crate) fn is_utf16(self) -> bool {
        matches!(self, Self::Utf16 | Self::Utf16Le | Self::Utf16Be)
    }

    /// The character of a byte in the one-byte encodings, if there is one.
    fn character(self, byte: u8) -> Option<char> {
        match self {
            Self::Utf8 | Self::Utf16 | Self::Utf16Le | Self::Utf16Be => None,
            Self::Windows1252 => match byte {
                0x81 | 0x8d | 0x8f | 0x90 | 0x9d => None,
                _ => WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next(),
            },
            Self::Iso8859_1 => (!(0x80..0xa0).contains(&byte)).then(|| char::from(byte)),
            Self::Cp437 => Some(match byte {
                0x14 => '¶',
                0x15 => '§',
                0x80.. => DECODING_TABLE_CP437[usize::from(byte - 0x80)],
                _ => char::from(byte),
            }),
        }
    }
}

/// A byte order mark at the beginning of a file: which encoding it says, and its length.
pub(crate) fn byte_order_mark(bytes: &[u8]) -> Option<(Encoding, usize)> {
    match bytes {
        [0xef, 0xbb, 0xbf, ..] => Some((Encoding::Utf8, 3)),
        [0xff, 0xfe, ..] => Some((Encoding::Utf16Le, 2)),
        [0xfe, 0xff, ..] => Some((Encoding::Utf16Be, 2)),
        _ => None,
    }
}

/// Decoded text, and where in it undecodable bytes are written out.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Decoded {
    pub(crate) text: String,
    /// Places in `text`, ascending, each with the byte that was found.
    pub(crate) undecodable: Vec<(usize, u8)>,
}

/// Decodes a block. UTF-16 has become UTF-8 before.
pub(crate) fn decode(encoding: Encoding, bytes: Vec<u8>) -> Decoded {
    let mut decoded = match encoding {
        Encoding::Utf8 | Encoding::Utf16 | Encoding::Utf16Le | Encoding::Utf16Be => decode_utf8(bytes),
        Encoding::Windows1252 | Encoding::Iso8859_1 | Encoding::Cp437 => decode_one_byte(encoding, bytes),
    };
    mark_zero_bytes(&mut decoded);
    decoded
}

/// PostgreSQL's text has no character 0, so a row with one is rejected like one with an undecodable byte.
fn mark_zero_bytes(decoded: &mut Decoded) {
    if memchr::memchr(0, decoded.text.as_bytes()).is_some() {
        decoded.undecodable.extend(memchr::memchr_iter(0, decoded.text.as_bytes()).map(|place| (place, 0)));
        decoded.undecodable.sort_unstable();
    }
}

fn decode_utf8(bytes: Vec<u8>) -> Decoded {
    match String::from_utf8(bytes) {
        Ok(text) => Decoded { text, undecodable: Vec::new() },
        Err(error) => {
            let bytes = error.as_bytes();
            let mut decoded = Decoded { text: String::with_capacity(bytes.len() + 16), ..Decoded::default() };
            for chunk in bytes.utf8_chunks() {
                decoded.text.push_str(chunk.valid());
                for byte in chunk.invalid() {
                    write_out(&mut decoded, *byte);
                }
            }
            decoded
        }
    }
}

fn write_out(decoded: &mut Decoded, byte: u8) {
    decoded.undecodable.push((decoded.text.len(), byte));
    decoded.text.push_str(&format!("\\x{byte:02X}"));
}

fn decode_one_byte(encoding: Encoding, bytes: Vec<u8>) -> Decoded {
    let plain = |byte: &u8| byte.is_ascii() && (encoding != Encoding::Cp437 || !matches!(byte, 0x14 | 0x15));
    let bytes = match (encoding, bytes.is_ascii()) {
        (Encoding::Cp437, _) | (_, false) => bytes,
        // ASCII is UTF-8: no copy.
        (_, true) => return decode_utf8(bytes),
    };
    let characters: [Option<char>; 256] =
        std::array::from_fn(|byte| u8::try_from(byte).ok().and_then(|byte| encoding.character(byte)));
    let mut decoded =
        Decoded { text: String::with_capacity(bytes.len() + bytes.len() / 8), ..Decoded::default() };
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let run = rest.iter().position(|byte| !plain(byte)).unwrap_or(rest.len());
        let (ascii, after) = rest.split_at(run);
        // ASCII is UTF-8, so this cannot fail; if it did, the bytes would be marked, not lost.
        match std::str::from_utf8(ascii) {
            Ok(ascii) => decoded.text.push_str(ascii),
            Err(_) => ascii.iter().for_each(|byte| write_out(&mut decoded, *byte)),
        }
        rest = after;
        if let Some((byte, after)) = rest.split_first() {
            match characters[usize::from(*byte)] {
                Some(character) => decoded.text.push(character),
                None => write_out(&mut decoded, *byte),
            }
            rest = after;
        }
    }
    decoded
}

/// Makes UTF-8 of UTF-16 as it streams in; keeps the half units and half pairs between pieces.
#[derive(Debug)]
pub(crate) struct Utf16Reader {
    big_endian: bool,
    odd_byte: Option<u8>,
    high_surrogate: Option<u16>,
}

impl Utf16Reader {
    pub(crate) fn new(big_endian: bool) -> Self {
        Self { big_endian, odd_byte: None, high_surrogate: None }
    }

    /// Appends the UTF-8 of the next piece.
    pub(crate) fn push(&mut self, bytes: &[u8], output: &mut Vec<u8>) {
        output.reserve(bytes.len());
        let mut bytes = bytes.iter().copied();
        loop {
            let Some(first) = self.odd_byte.take().or_else(|| bytes.next()) else { return };
            let Some(second) = bytes.next() else {
                self.odd_byte = Some(first);
                return;
            };
            let pair = [first, second];
            self.unit(
                if self.big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) },
                output,
            );
        }
    }

    /// Ends the file: a half character becomes a byte that UTF-8 does not have.
    pub(crate) fn finish(&mut self, output: &mut Vec<u8>) {
        if let Some(high) = self.high_surrogate.take() {
            push_lone_surrogate(high, output);
        }
        if self.odd_byte.take().is_some() {
            output.push(0xff);
        }
    }

    fn unit(&mut self, unit: u16, output: &mut Vec<u8>) {
        let push = |character: char, output: &mut Vec<u8>| {
            output.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        };
        if let Some(high) = self.high_surrogate.take() {
            if let Some(Ok(character)) = char::decode_utf16([high, unit]).next() {
                return push(character, output);
            }
            push_lone_surrogate(high, output);
        }
        match char::from_u32(u32::from(unit)) {
            Some(character) => push(character, output),
            None if (0xd800..0xdc00).contains(&unit) => self.high_surrogate = Some(unit),
            None => push_lone_surrogate(unit, output),
        }
    }
}

/// A lone surrogate in the three bytes that UTF-8 would have for it, and does not allow.
fn push_lone_surrogate(unit: u16, output: &mut Vec<u8>) {
    let [high, low] = unit.to_be_bytes();
    output.extend_from_slice(&[
        0xe0 | (high >> 4),
        0x80 | ((high & 0x0f) << 2) | (low >> 6),
        0x80 | (low & 0x3f),
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(encoding: Encoding, bytes: &[u8]) -> String {
        let decoded = decode(encoding, bytes.to_vec());
        assert_eq!(decoded.undecodable, [], "{encoding:?}");
        decoded.text
    }

    fn utf16(pieces: &[&[u8]], big_endian: bool) -> Vec<u8> {
        let mut reader = Utf16Reader::new(big_endian);
        let mut output = Vec::new();
        for piece in pieces {
            reader.push(piece, &mut output);
        }
        reader.finish(&mut output);
        output
    }

    #[test]
    fn swedish_letters() {
        let expected = "Bokföring Å §";
        assert_eq!(text(Encoding::Utf8, expected.as_bytes()), expected);
        assert_eq!(text(Encoding::Windows1252, b"Bokf\xf6ring \xc5 \xa7"), expected);
        assert_eq!(text(Encoding::Iso8859_1, b"Bokf\xf6ring \xc5 \xa7"), expected);
        assert_eq!(text(Encoding::Cp437, b"Bokf\x94ring \x8f \x15"), expected);
        assert_eq!(text(Encoding::Cp437, b"plain \x15"), "plain §");
        assert_eq!(text(Encoding::Windows1252, b"\x80 \x96"), "€ –");
    }

    #[test]
    fn undecodable_bytes_are_marked() {
        let decoded = decode(Encoding::Windows1252, b"a\x81b\xe5".to_vec());
        assert_eq!(decoded, Decoded { text: "a\\x81bå".to_owned(), undecodable: vec![(1, 0x81)] });
        let decoded = decode(Encoding::Iso8859_1, b"\x80".to_vec());
        assert_eq!(decoded.undecodable, [(0, 0x80)]);
        let decoded = decode(Encoding::Utf8, b"a\xf6b\nc\xc3".to_vec());
        assert_eq!(decoded.text, "a\\xF6b\nc\\xC3");
        assert_eq!(decoded.undecodable.len(), 2);
        assert_eq!(decode(Encoding::Utf8, b"a\0".to_vec()).undecodable, [(1, 0)]);
    }

    #[test]
    fn utf16_in_any_pieces() {
        let expected = "å€😀";
        let bytes: Vec<u8> = expected.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for cut in 0..=bytes.len() {
            let (first, second) = bytes.split_at(cut);
            assert_eq!(utf16(&[first, second], false), expected.as_bytes(), "{cut}");
        }
        let big: Vec<u8> = expected.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(utf16(&[&big], true), expected.as_bytes());
    }

    #[test]
    fn broken_utf16_is_marked() {
        for bytes in
            [&b"\x00\xd8a\x00"[..], b"\x00\xdca\x00", b"a\x00\x00\xd8", b"a\x00b", b"\x00\xd8\x00\xd8a\x00"]
        {
            let decoded = decode(Encoding::Utf16, utf16(&[bytes], false));
            assert!(!decoded.undecodable.is_empty(), "{bytes:?}");
            assert!(decoded.text.contains('a'), "{bytes:?}");
        }
    }
}
