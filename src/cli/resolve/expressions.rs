//! The jq expressions of options.

use crate::error::Error;
use crate::json::jq::Filter;

pub(super) fn compile(option: &str, expression: Option<&str>) -> Result<Option<Filter>, Error> {
    expression
        .map(|text| {
            Filter::compile(text).map_err(|mut error| {
                error.message = format!("{option}: {}", error.message);
                error
            })
        })
        .transpose()
}
