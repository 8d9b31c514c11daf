//! JSON strings: where they end, and what their escapes stand for.

use std::borrow::Cow;

/// The inside of a string, its escapes checked but not yet replaced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    /// The bytes between the quotes.
    pub(super) raw: &'a [u8],
    /// Whether there is an escape among them.
    pub(super) escaped: bool,
}

impl<'a> Text<'a> {
    /// The string that is meant; borrowed unless it has escapes.
    #[inline]
    pub(super) fn bytes(&self) -> Cow<'a, [u8]> {
        if self.escaped {
            Cow::Owned(unescape(self.raw))
        } else {
            Cow::Borrowed(self.raw)
        }
    }

    /// [`Text::bytes`] as text.
    pub(super) fn string(&self) -> Cow<'a, str> {
        match self.bytes() {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
}

/// How many bytes come before the first quote, backslash or control character; eight at a time.
#[inline]
pub(super) fn plain_len(text: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero_bytes = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut len = 0;
    while let Some(chunk) = text[len..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let found = control | zero_bytes(word ^ (ONES * 0x22)) | zero_bytes(word ^ (ONES * 0x5c));
        if found != 0 {
            // A borrow can mark a byte above a true hit, never below it: the lowest mark is right.
            return len + found.trailing_zeros() as usize / 8;
        }
        len += 8;
    }
    while text
        .get(len)
        .is_some_and(|b| !matches!(b, b'"' | b'\\' | 0..0x20))
    {
        len += 1;
    }
    len
}

/// The character that the escape at the start of `text` stands for, and the escape's length in bytes.
pub(super) fn escape(text: &[u8]) -> Option<(char, usize)> {
    let simple = match text.get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode_escape(text),
        _ => return None,
    };
    Some((simple, 2))
}

/// `\uXXXX`, or the pair of them that stands for a character above U+FFFF; a surrogate alone is none.
fn unicode_escape(text: &[u8]) -> Option<(char, usize)> {
    let first = hex4(text)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first).map(|c| (c, 6));
    }
    let second = hex4(text.get(6..)?)?;
    if !(0xdc00..0xe000).contains(&second) {
        return None;
    }
    char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).map(|c| (c, 12))
}

fn hex4(text: &[u8]) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = text.first_chunk::<6>()? else {
        return None;
    };
    digits
        .iter()
        .try_fold(0, |value, b| char::from(*b).to_digit(16).map(|d| value << 4 | d))
}

fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        match (raw[at], escape(&raw[at..])) {
            (b'\\', Some((c, len))) => {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                at += len;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn plain_len_is_what_a_plain_loop_finds(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let want = text.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)).unwrap_or(text.len());
            prop_assert_eq!(plain_len(&text), want);
        }
    }
}
