// SPDX-License-Identifier: Apache-2.0
//! May this module be a guest? Valid first, then imports, exports and sizes; the first fault found
//! is the verdict and names its culprit.

use wasmtime::wasmparser::types::{CoreTypeId, EntityType, Types};
use wasmtime::wasmparser::{
    BinaryReaderError, ElementItems, Encoding, ExternalKind, FuncType, FuncValidatorAllocations,
    Operator, Parser, Payload, ValType, ValidPayload, Validator,
};

use crate::config;
use crate::host;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Invalid,
    Import,
    Export,
    TooBig,
}

#[derive(Debug)]
pub struct Verdict {
    pub why: Why,
    pub words: String,
}

fn no<T>(why: Why, words: String) -> Result<T, Verdict> {
    Err(Verdict { why, words })
}

impl From<BinaryReaderError> for Verdict {
    fn from(error: BinaryReaderError) -> Verdict {
        Verdict {
            why: Why::Invalid,
            words: format!("{} (at byte {})", error.message(), error.offset()),
        }
    }
}

#[derive(Debug, Default)]
pub struct Report {
    pub memory_min_bytes: u64,
    pub memory_max_bytes: Option<u64>,
    pub table_elements: u64,
    pub functions: u32,
    pub imports: u32,
    pub has_start: bool,
    pub has_dealloc: bool,
    pub has_calls: bool,
}

/// What the sections say that the validator does not keep.
#[derive(Default)]
struct Seen {
    functions: u32,
    has_start: bool,
    /// Functions that something may refer to: each gets a record in every instance.
    referred: Vec<bool>,
}

impl Seen {
    fn refer(&mut self, function: u32) {
        let at = function as usize;
        if self.referred.len() <= at {
            self.referred.resize(at + 1, false);
        }
        self.referred[at] = true;
    }
}

pub fn inspect(wasm: &[u8]) -> Result<Report, Verdict> {
    if wasm.len() > config::WASM_MAX {
        return no(Why::TooBig, format!("{} bytes of wasm", wasm.len()));
    }
    let (types, seen) = validate(wasm)?;
    let mut report = Report {
        functions: seen.functions,
        has_start: seen.has_start,
        ..Report::default()
    };

    check_imports(&types, &mut report)?;
    check_exports(&types, &mut report)?;
    check_sizes(&types, &seen, &mut report)?;
    Ok(report)
}

fn validate(wasm: &[u8]) -> Result<(Types, Seen), Verdict> {
    let mut validator = Validator::new_with_features(config::features());
    let mut parser = Parser::new(0);
    let mut bodies = FuncValidatorAllocations::default();
    let mut seen = Seen::default();
    let mut types = None;

    parser.set_features(config::features());
    for payload in parser.parse_all(wasm) {
        let payload = payload?;
        if let Payload::Version {
            encoding: Encoding::Component,
            ..
        } = payload
        {
            return no(Why::Invalid, "a component, not a core module".into());
        }
        match validator.payload(&payload)? {
            ValidPayload::Func(function, body) => {
                let mut function = function.into_validator(bodies);
                function.validate(&body)?;
                bodies = function.into_allocations();
            }
            ValidPayload::End(all) => types = Some(all),
            ValidPayload::Ok | ValidPayload::Parser(_) => look(&payload, &mut seen)?,
        }
    }
    match types {
        Some(types) => Ok((types, seen)),
        None => no(Why::Invalid, "it has no end".into()),
    }
}

/// Called with sections that are valid.
fn look(payload: &Payload<'_>, seen: &mut Seen) -> Result<(), Verdict> {
    match payload {
        Payload::FunctionSection(section) => seen.functions = section.count(),
        Payload::StartSection { .. } => seen.has_start = true,
        Payload::ExportSection(section) => {
            for export in section.clone() {
                let export = export?;
                if export.kind == ExternalKind::Func {
                    seen.refer(export.index);
                }
            }
        }
        Payload::GlobalSection(section) => {
            for global in section.clone() {
                look_expression(&global?.init_expr, seen)?;
            }
        }
        Payload::ElementSection(section) => {
            for element in section.clone() {
                match element?.items {
                    ElementItems::Functions(functions) => {
                        for function in functions {
                            seen.refer(function?);
                        }
                    }
                    ElementItems::Expressions(_, expressions) => {
                        for expression in expressions {
                            look_expression(&expression?, seen)?;
                        }
                    }
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn look_expression(
    expression: &wasmtime::wasmparser::ConstExpr<'_>,
    seen: &mut Seen,
) -> Result<(), Verdict> {
    for operator in expression.get_operators_reader() {
        if let Operator::RefFunc { function_index } = operator? {
            seen.refer(function_index);
        }
    }
    Ok(())
}

fn check_imports(types: &Types, report: &mut Report) -> Result<(), Verdict> {
    let types = types.as_ref();
    for (module, name, entity) in types.core_imports().into_iter().flatten() {
        let refused = |what: &str| no(Why::Import, format!("import '{module}' '{name}': {what}"));
        if module != host::MODULE {
            return refused("no such module");
        }
        let call = host::CALLS.iter().any(|(known, _)| *known == name);
        let log = host::LOGS.iter().any(|(known, _)| *known == name);
        let (params, results) = match (log, call) {
            (true, _) => (2, 0),
            (_, true) => (3, 1),
            _ => return refused("no such function"),
        };
        let EntityType::Func(id) = entity else {
            return refused("must be a function");
        };
        if !is_i32(types[id].unwrap_func(), params, results) {
            return refused(&format!("must be {}", signature(params, results)));
        }
        report.imports += 1;
        report.has_calls |= call;
    }
    Ok(())
}

fn check_exports(types: &Types, report: &mut Report) -> Result<(), Verdict> {
    let types = types.as_ref();
    let find = |wanted: &str| {
        let mut exports = types.core_exports().into_iter().flatten();
        exports.find_map(|(name, entity)| (name == wanted).then_some(entity))
    };
    let wrong = |name: &str, what: &str| no(Why::Export, format!("export '{name}' {what}"));

    match find("memory") {
        Some(EntityType::Memory(_)) => {}
        Some(_) => return wrong("memory", "must be a memory"),
        None => return wrong("memory", "is missing"),
    }
    for (name, params, results, required) in [
        ("alloc", 1, 1, true),
        ("handler", 3, 1, true),
        ("dealloc", 2, 0, false),
    ] {
        let fits = |id: CoreTypeId| is_i32(types[id].unwrap_func(), params, results);
        match find(name) {
            Some(EntityType::Func(id)) if fits(id) => report.has_dealloc |= !required,
            Some(_) => return wrong(name, &format!("must be {}", signature(params, results))),
            None if required => return wrong(name, "is missing"),
            None => {}
        }
    }
    Ok(())
}

fn check_sizes(types: &Types, seen: &Seen, report: &mut Report) -> Result<(), Verdict> {
    const PAGE: u64 = 65536;
    let types = types.as_ref();
    let too_big = |words: String| no(Why::TooBig, words);

    // More than one memory is a feature that is off, so this is the exported one.
    let memory = types.memory_at(0);
    report.memory_min_bytes = memory.initial.saturating_mul(PAGE);
    report.memory_max_bytes = memory.maximum.map(|max| max.saturating_mul(PAGE));
    if report.memory_min_bytes > config::MEMORY_MAX {
        return too_big(format!(
            "memory 'memory' starts with {} bytes",
            report.memory_min_bytes
        ));
    }
    if types.table_count() > config::TABLES {
        return too_big(format!("{} tables", types.table_count()));
    }
    report.table_elements = (0..types.table_count())
        .map(|at| types.table_at(at).initial)
        .fold(0, u64::saturating_add);
    if report.table_elements > config::TABLE_MAX.into() {
        return too_big(format!("{} table elements", report.table_elements));
    }
    if types.global_count() > config::GLOBALS_MAX {
        return too_big(format!("{} globals", types.global_count()));
    }
    let referred = seen.referred.iter().filter(|referred| **referred).count();
    if referred > config::REFERRED_FUNCTIONS_MAX {
        return too_big(format!("{referred} functions that are referred to"));
    }
    Ok(())
}

fn is_i32(function: &FuncType, params: usize, results: usize) -> bool {
    let i32s =
        |types: &[ValType], count| types.len() == count && types == vec![ValType::I32; count];
    i32s(function.params(), params) && i32s(function.results(), results)
}

fn signature(params: usize, results: usize) -> String {
    let params = vec!["i32"; params].join(", ");
    match results {
        0 => format!("a function ({params})"),
        _ => format!("a function ({params}) -> i32"),
    }
}
