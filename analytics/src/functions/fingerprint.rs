//! What tells payloads apart, as the lake computes it.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// The SQL function `fingerprint(BINARY) -> BIGINT`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint {
    signature: Signature,
}

impl Fingerprint {
    pub(super) fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Fingerprint {
    fn name(&self) -> &str {
        "fingerprint"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        match arguments {
            [DataType::Binary | DataType::BinaryView | DataType::LargeBinary | DataType::Null] => {
                Ok(vec![DataType::Binary])
            }
            _ => plan_err!("fingerprint takes one binary value"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let prints: Int64Array = arrays[0]
            .as_binary::<i32>()
            .iter()
            .map(|payload| payload.map(dustwatch_lake::fingerprint))
            .collect();
        Ok(ColumnarValue::Array(Arc::new(prints) as ArrayRef))
    }
}
