//! A mapping bound to the header of one file: columns are indexes, and a line becomes an observation.

use super::fields::Fields;
use super::time::TimePlan;
use super::{ColumnKind, Mapping, TableError, cell};
use crate::{Decimal, DecimalError, DeviceId, Observation, ParameterId, ParameterSet, Reason};

/// Gives the index of a column by its name.
pub(super) type Columns<'a> = dyn FnMut(&str) -> Result<usize, TableError> + 'a;

/// What is wrong with a row.
#[derive(Debug)]
pub(super) struct RowFault {
    pub(super) reason: Reason,
    pub(super) detail: String,
}

impl RowFault {
    pub(super) fn new(reason: Reason, detail: String) -> Self {
        Self { reason, detail }
    }
}

/// A mapping bound to a header.
#[derive(Debug)]
pub(super) struct Plan {
    device: Vec<Piece>,
    time: TimePlan,
    values: Vec<Value>,
    missing: Vec<String>,
}

/// A piece of the device template.
#[derive(Debug)]
enum Piece {
    Text(String),
    Column { index: usize, name: String },
}

#[derive(Debug)]
struct Value {
    parameter: ParameterId,
    index: usize,
    name: String,
    scale: Option<Decimal>,
    kind: ColumnKind,
}

impl Mapping {
    /// Checks what can be checked without a table.
    ///
    /// # Errors
    /// [`TableError`] names the parameter, time zone, format, interval, delimiter or template at fault.
    pub fn check(&self, parameters: &ParameterSet) -> Result<(), TableError> {
        self.delimiter_byte()?;
        Plan::new(self, parameters, &mut |_| Ok(0)).map(|_| ())
    }

    /// The delimiter as the byte that it is.
    pub(super) fn delimiter_byte(&self) -> Result<u8, TableError> {
        match u8::try_from(self.delimiter) {
            Ok(byte) if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Ok(byte),
            _ => Err(TableError::BadDelimiter(self.delimiter)),
        }
    }
}

impl Plan {
    pub(super) fn new(
        mapping: &Mapping,
        parameters: &ParameterSet,
        columns: &mut Columns<'_>,
    ) -> Result<Self, TableError> {
        let mut values = Vec::with_capacity(mapping.columns.len());
        for (key, column) in &mapping.columns {
            let parameter = parameters.find(key).ok_or_else(|| TableError::UnknownParameter {
                key: key.clone(),
                known: parameters.iter().map(|(_, p)| p.key.clone()).collect(),
            })?;
            values.push(Value {
                parameter,
                index: columns(&column.column)?,
                name: column.column.clone(),
                scale: column.scale,
                kind: column.kind,
            });
        }
        let device = template(&mapping.device, columns)?;
        let time = TimePlan::new(mapping, columns)?;
        Ok(Self {
            device,
            time,
            values,
            missing: mapping.missing.clone(),
        })
    }

    /// Reads a line's fields into `observation`.
    pub(super) fn read(&self, fields: &Fields, observation: &mut Observation) -> Result<(), RowFault> {
        observation.clear();
        let present = |index: usize| {
            let text = fields.get(index);
            let missing = text.is_empty() || self.missing.iter().any(|m| m == text);
            (!missing).then_some(text)
        };
        observation.time = self.time.read(present)?;
        for piece in &self.device {
            match piece {
                Piece::Text(text) => observation.device.push_str(text),
                Piece::Column { index, name } => match present(*index) {
                    Some(text) => observation.device.push_str(text),
                    None => {
                        return Err(RowFault::new(
                            Reason::UnknownDevice,
                            format!("column {name:?} is empty"),
                        ));
                    }
                },
            }
        }
        if let Err(error) = DeviceId::new(&observation.device) {
            return Err(RowFault::new(Reason::UnknownDevice, error.to_string()));
        }
        for value in &self.values {
            if let Some(text) = present(value.index) {
                observation.reading_mut(value.parameter).value = Some(value.read(text)?);
            }
        }
        Ok(())
    }
}

impl Value {
    fn read(&self, text: &str) -> Result<Decimal, RowFault> {
        let column = &self.name;
        let read = match self.kind {
            ColumnKind::Number => cell::number(text),
            ColumnKind::Compass16 => cell::compass16(text).ok_or(DecimalError::NotANumber),
        };
        let scaled = read.and_then(|number| self.scale.map_or(Ok(number), |scale| number.times(scale)));
        scaled.map_err(|error| match (error, self.kind) {
            (DecimalError::NotANumber, ColumnKind::Number) => RowFault::new(
                Reason::WrongType,
                format!("column {column:?}: {text:?} is not a number"),
            ),
            (DecimalError::NotANumber, ColumnKind::Compass16) => {
                let detail =
                    format!("column {column:?}: {text:?} is not one of the 16 points of the compass");
                RowFault::new(Reason::WrongType, detail)
            }
            (error @ DecimalError::TooManyDigits, _) => RowFault::new(
                Reason::BadValue,
                format!("column {column:?}: {text:?} has {error}"),
            ),
        })
    }
}

/// The pieces of `sc-{sensor_id}`.
fn template(text: &str, columns: &mut Columns<'_>) -> Result<Vec<Piece>, TableError> {
    let unpaired = || TableError::BadTemplate(text.to_owned());
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(brace) = rest.find(['{', '}']) {
        let inside = rest[brace..].strip_prefix('{').ok_or_else(unpaired)?;
        let (name, behind) = inside.split_once('}').ok_or_else(unpaired)?;
        if name.contains('{') {
            return Err(unpaired());
        }
        pieces.push(Piece::Text(rest[..brace].to_owned()));
        pieces.push(Piece::Column {
            index: columns(name)?,
            name: name.to_owned(),
        });
        rest = behind;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}
