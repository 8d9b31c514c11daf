//! What tells payloads apart, as the lake computes it.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

/// The SQL function `fingerprint(BINARY) -> BIGINT`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint {
    signature: Signature,
}

impl Fingerprint {
    pub(super) fn new() -> Self {
        let one = TypeSignature::Exact(vec![DataType::Binary]);
        Self {
            signature: Signature::new(one, Volatility::Immutable),
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
