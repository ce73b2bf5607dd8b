//! For tests: the JSON schema of each format, generated, held against its file in `docs`, and what it says
//! of a text.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use super::fixture::compared;

/// A schema, or a part of one.
pub(crate) struct Shape(jsonschema::Validator);

/// That of a format, by its name and version.
pub(crate) fn shape<Whole: JsonSchema>(format: &str) -> Shape {
    Shape::of(&schema::<Whole>(format, generator()))
}

/// That of a format, and of the lines that it is written in as well.
pub(crate) fn shapes<Whole: JsonSchema, Line: JsonSchema>(format: &str) -> (Shape, Shape) {
    let mut generator = generator();
    let line = generator.subschema_for::<Line>();
    let schema = schema::<Whole>(format, generator);
    let line = json!({ "$ref": line.get("$ref"), "$defs": schema["$defs"] });
    (Shape::of(&schema), Shape::of(&line))
}

fn generator() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator()
}

fn schema<Whole: JsonSchema>(format: &str, generator: SchemaGenerator) -> Value {
    let mut schema = generator.into_root_schema_for::<Whole>();
    let id = format!("urn:{}", format.replace('/', ":"));
    schema.insert("$id".into(), id.into());
    schema.insert("title".into(), format.into());
    let schema = schema.to_value();
    let name = format.split('/').nth(1).unwrap();
    let pretty = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    compared(format!("docs/{name}.schema.json"), &pretty);
    schema
}

impl Shape {
    fn of(schema: &Value) -> Self {
        Self(jsonschema::validator_for(schema).unwrap())
    }

    /// What is wrong with a text.
    pub(crate) fn complaints(&self, text: &str) -> Vec<String> {
        let value: Value = serde_json::from_str(text).unwrap();
        let errors = self.0.iter_errors(&value);
        errors.map(|error| error.to_string()).collect()
    }
}
