//! The fields of a line: separated by a delimiter, quoted or not (RFC 4180).
//!
//! Why not a CSV library: theirs let an unpaired quote swallow the lines behind it, and count lines as records. Here a
//! record is first of all a line.

/// How the quotes of a line stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// Every quoted field ends with its closing quote.
    Paired,
    /// Text follows a closing quote; it is taken as part of the field.
    Untidy,
    /// The last field opens a quote and does not close it.
    Open,
}

/// The fields of one line, copied out of their quotes.
#[derive(Debug, Default)]
pub(super) struct Fields {
    text: String,
    ends: Vec<usize>,
}

impl Fields {
    /// Splits a line.
    pub(super) fn split(&mut self, line: &str, delimiter: u8) -> Quotes {
        self.text.clear();
        self.ends.clear();
        let mut quotes = Quotes::Paired;
        let mut rest = line;
        loop {
            let is_quoted = rest.starts_with('"');
            if let Some(quoted) = rest.strip_prefix('"') {
                let Some(behind) = self.quoted(quoted) else {
                    return Quotes::Open;
                };
                rest = behind;
            }
            let end = rest.bytes().position(|b| b == delimiter);
            if is_quoted && end.unwrap_or(rest.len()) > 0 {
                quotes = Quotes::Untidy;
            }
            self.text.push_str(&rest[..end.unwrap_or(rest.len())]);
            self.ends.push(self.text.len());
            match end {
                Some(end) => rest = &rest[end + 1..],
                None => return quotes,
            }
        }
    }

    /// Takes the inside of a quoted field, in which `""` is a quote; what is behind its closing quote.
    fn quoted<'l>(&mut self, mut rest: &'l str) -> Option<&'l str> {
        loop {
            let quote = rest.find('"')?;
            self.text.push_str(&rest[..quote]);
            rest = &rest[quote + 1..];
            match rest.strip_prefix('"') {
                Some(behind) => {
                    self.text.push('"');
                    rest = behind;
                }
                None => return Some(rest),
            }
        }
    }

    /// How many fields there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A field without the blanks around it; empty behind the last.
    pub(super) fn get(&self, index: usize) -> &str {
        let Some(end) = self.ends.get(index) else {
            return "";
        };
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        self.text[start..*end].trim()
    }

    /// All fields.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|index| self.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Option<Vec<String>> {
        let mut fields = Fields::default();
        (fields.split(line, b',') != Quotes::Open).then(|| fields.iter().map(str::to_owned).collect())
    }

    #[test]
    fn quotes_hold_what_would_end_a_field() {
        for (line, want) in [
            ("a,b", vec!["a", "b"]),
            ("", vec![""]),
            (",", vec!["", ""]),
            ("\"a,b\",c", vec!["a,b", "c"]),
            ("\"say \"\"hi\"\"\",", vec!["say \"hi\"", ""]),
            (" a , b ", vec!["a", "b"]),
            ("5\" pipe,x", vec!["5\" pipe", "x"]),
            ("\"东四\",\"é\"", vec!["东四", "é"]),
            ("\"two\nlines\",x", vec!["two\nlines", "x"]),
        ] {
            assert_eq!(
                split(line),
                Some(want.into_iter().map(str::to_owned).collect()),
                "{line}"
            );
        }
        assert_eq!(split("a,\"b"), None);
        assert_eq!(split("a,\"b\"\""), None);
    }
}
