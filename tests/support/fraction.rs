//! Exact fractions of whole numbers: no rounding before the one that is asked for.

/// `num / den`, reduced; `den` is positive. Every operation panics rather than overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fraction {
    num: i128,
    den: i128,
}

const TOO_LARGE: &str = "the oracle's fractions do not reach this far";

impl Fraction {
    pub(crate) const ZERO: Fraction = Fraction { num: 0, den: 1 };

    pub(crate) fn new(num: i128, den: i128) -> Self {
        assert!(den != 0, "a fraction of nothing");
        let common = gcd(num.unsigned_abs(), den.unsigned_abs());
        let common = i128::try_from(common).expect(TOO_LARGE) * den.signum();
        Self {
            num: num / common,
            den: den / common,
        }
    }

    pub(crate) fn whole(number: i128) -> Self {
        Self { num: number, den: 1 }
    }

    /// A decimal number's text, `-12.35`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() || !(whole.bytes().chain(places.bytes())).all(|b| b.is_ascii_digit()) {
            return None;
        }
        let mantissa: i128 = format!("{whole}{places}").parse().ok()?;
        let den = 10i128.checked_pow(u32::try_from(places.len()).ok()?)?;
        Some(Self::new(sign * mantissa, den))
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        let common = i128::try_from(gcd(self.den.unsigned_abs(), other.den.unsigned_abs())).expect(TOO_LARGE);
        let left = self.num.checked_mul(other.den / common).expect(TOO_LARGE);
        let right = other.num.checked_mul(self.den / common).expect(TOO_LARGE);
        let den = (self.den / common).checked_mul(other.den).expect(TOO_LARGE);
        Self::new(left.checked_add(right).expect(TOO_LARGE), den)
    }

    pub(crate) fn times(self, factor: Fraction) -> Self {
        Self::new(
            self.num.checked_mul(factor.num).expect(TOO_LARGE),
            self.den.checked_mul(factor.den).expect(TOO_LARGE),
        )
    }

    /// One divided by this number, which is not zero.
    pub(crate) fn inverse(self) -> Self {
        Self::new(self.den, self.num)
    }

    /// The arithmetic mean; `None` of nothing.
    pub(crate) fn mean(values: impl IntoIterator<Item = Fraction>) -> Option<Self> {
        let (mut sum, mut count) = (Self::ZERO, 0);
        for value in values {
            sum = sum.plus(value);
            count += 1;
        }
        (count > 0).then(|| sum.times(Self::new(1, count)))
    }

    /// Rounded once, half to even (GB/T 8170), to so many places: the number times 10^places.
    pub(crate) fn round_half_even(self, places: u32) -> i128 {
        let scaled = self.times(Self::whole(10i128.pow(places)));
        let floor = scaled.num.div_euclid(scaled.den);
        let twice = scaled.num.rem_euclid(scaled.den).checked_mul(2).expect(TOO_LARGE);
        match twice.cmp(&scaled.den) {
            std::cmp::Ordering::Less => floor,
            std::cmp::Ordering::Greater => floor + 1,
            std::cmp::Ordering::Equal => floor + floor.rem_euclid(2),
        }
    }

    pub(crate) fn to_f64(self) -> f64 {
        self.num as f64 / self.den as f64
    }
}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fraction {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let left = self.num.checked_mul(other.den).expect(TOO_LARGE);
        left.cmp(&other.num.checked_mul(self.den).expect(TOO_LARGE))
    }
}

/// A number times 10^places, printed with its places: (-121, 1) is `-12.1`.
pub(crate) fn print(mantissa: i128, places: u32) -> String {
    let sign = if mantissa < 0 { "-" } else { "" };
    let unit = 10u128.pow(places);
    let (whole, rest) = (mantissa.unsigned_abs() / unit, mantissa.unsigned_abs() % unit);
    match places {
        0 => format!("{sign}{whole}"),
        places => format!("{sign}{whole}.{rest:0width$}", width = places as usize),
    }
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}
