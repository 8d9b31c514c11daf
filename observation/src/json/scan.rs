//! JSON's grammar over bytes: a scanner that its caller pulls value by value.
//!
//! Invariant: a scanner never stands behind the end of its text, and accepts exactly what
//! RFC 8259 does. The text is UTF-8; who makes the scanner has checked that.

use super::text::{self, Text};

/// Where a text stops being JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Syntax {
    /// Byte offset.
    pub(super) at: usize,
    /// What is wrong there.
    pub(super) what: &'static str,
}

pub(super) type Scan<T> = Result<T, Syntax>;

/// A place in a JSON text.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    /// At byte `at` of `text`.
    pub(super) fn new(text: &'a [u8], at: usize) -> Self {
        Self {
            text,
            at: at.min(text.len()),
        }
    }

    /// The byte offset.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What is left.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    /// The byte here.
    #[inline]
    pub(super) fn current(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Steps over `len` bytes that the caller has seen.
    #[inline]
    pub(super) fn step(&mut self, len: usize) {
        self.at = (self.at + len).min(self.text.len());
    }

    pub(super) fn fail<T>(&self, what: &'static str) -> Scan<T> {
        Err(Syntax { at: self.at, what })
    }

    /// Steps over white space.
    #[inline]
    pub(super) fn blank(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.current() {
            self.at += 1;
        }
    }

    /// From `{` to its first key; false, and behind `}`, when there is none.
    #[inline]
    pub(super) fn open_object(&mut self) -> Scan<bool> {
        self.open(b'}')
    }

    /// From `[` to its first value; false, and behind `]`, when there is none.
    #[inline]
    pub(super) fn open_list(&mut self) -> Scan<bool> {
        self.open(b']')
    }

    fn open(&mut self, close: u8) -> Scan<bool> {
        self.at += 1;
        self.blank();
        if self.current() == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    /// From behind a member's value to the next key; false, and behind `}`, when it was the last.
    #[inline]
    pub(super) fn next_member(&mut self) -> Scan<bool> {
        self.next(b'}', "expected , or } after a value")
    }

    /// From behind a list's value to the next one; false, and behind `]`, when it was the last.
    #[inline]
    pub(super) fn next_item(&mut self) -> Scan<bool> {
        self.next(b']', "expected , or ] after a value")
    }

    #[inline]
    fn next(&mut self, close: u8, what: &'static str) -> Scan<bool> {
        self.blank();
        match self.current() {
            Some(b',') => {
                self.at += 1;
                self.blank();
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ => self.fail(what),
        }
    }

    /// A key with its colon; stands at the member's value afterwards.
    #[inline(always)]
    pub(super) fn key(&mut self) -> Scan<Text<'a>> {
        if self.current() != Some(b'"') {
            return self.fail("expected a key");
        }
        let key = self.string()?;
        if self.current() != Some(b':') {
            self.blank();
            if self.current() != Some(b':') {
                return self.fail("expected : after a key");
            }
        }
        self.at += 1;
        self.blank();
        Ok(key)
    }

    /// A string, from its opening quote to behind its closing one.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Scan<Text<'a>> {
        let start = self.at + 1;
        self.at = start;
        let mut escaped = false;
        loop {
            self.at += text::plain_len(self.rest());
            match self.current() {
                Some(b'"') => {
                    let raw = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Text { raw, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    match text::escape(self.rest()) {
                        Some((_, len)) => self.at += len,
                        None => return self.fail("no such escape in a string"),
                    }
                }
                Some(_) => return self.fail("control character in a string"),
                None => return self.fail("a string does not end"),
            }
        }
    }

    /// A number in JSON's grammar; its text.
    #[inline(always)]
    pub(super) fn number(&mut self) -> Scan<&'a [u8]> {
        let start = self.at;
        if self.current() == Some(b'-') {
            self.at += 1;
        }
        match self.current() {
            Some(b'0') => self.at += 1,
            _ => self.some_digits()?,
        }
        if self.current() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.current() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.current() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    #[inline]
    fn some_digits(&mut self) -> Scan<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.current() {
            self.at += 1;
        }
        if self.at == start {
            self.fail("expected a digit")
        } else {
            Ok(())
        }
    }

    /// One of the three words, whole.
    #[inline]
    pub(super) fn literal(&mut self, word: &'static [u8]) -> Scan<()> {
        if !self.rest().starts_with(word) {
            return self.fail("expected true, false or null");
        }
        self.at += word.len();
        Ok(())
    }

    /// Whether `null` stands here; steps over it.
    pub(super) fn null(&mut self) -> Scan<bool> {
        if self.current() != Some(b'n') {
            return Ok(false);
        }
        self.literal(b"null").map(|()| true)
    }

    /// Checks that only white space is left.
    pub(super) fn end(&mut self) -> Scan<()> {
        self.blank();
        if self.at == self.text.len() {
            Ok(())
        } else {
            self.fail("more text after the message")
        }
    }
}
