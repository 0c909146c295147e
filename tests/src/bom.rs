//! CycloneDX's own schema.

use kindling_base::files;
use serde_json::Value;

use crate::project;

/// Whether a bill of materials is one by CycloneDX's official schema; else what is wrong with it.
pub fn check_bom(bom: &Value) -> Result<(), String> {
    let mut compiler = boon::Compiler::new();
    compiler.enable_format_assertions();
    for name in ["bom-1.6", "jsf-0.82.SNAPSHOT", "spdx.SNAPSHOT"] {
        let file = format!("{name}.schema.json");
        let schema = files::read(&project().join("tests/schemas").join(&file)).unwrap();
        let schema = serde_json::from_slice(&schema).unwrap();
        compiler
            .add_resource(&format!("http://cyclonedx.org/schema/{file}"), schema)
            .unwrap();
    }
    let mut schemas = boon::Schemas::new();
    let root = "http://cyclonedx.org/schema/bom-1.6.schema.json";
    let schema = compiler.compile(root, &mut schemas).unwrap();
    let checked = schemas.validate(bom, schema);
    checked.map_err(|error| error.to_string())
}
