//! Which schemas a schema consists of, and which of them look at the same value or at a part of it.
//!
//! The validator has no limits. A schema of a few lines can take longer than anybody waits: definitions
//! that name the next one twice, or two choices at every level of a recursive one. So this counts what
//! would be looked at, and refuses what is too much, before the validator begins.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// The most schemas within a schema: each may be a level of recursion.
pub(super) const MAX_SCHEMAS: usize = 5_000;
/// How many schemas may look at one value, one within the other.
const MAX_DEPTH: usize = 64;
/// The same, over all levels of a message.
const MAX_LEVELS: usize = 600;
/// What any message may cost, in schemas that look at a value, and what each of its values adds.
const BASE_COST: u64 = 100_000;
const COST_OF_VALUE: u64 = 100;
/// What reading a schema may cost, in schemas that are unfolded.
const READING_COST: u64 = 50_000;

/// Keywords with a schema, a list of schemas or named schemas for the same value.
const HERE: &[&str] = &["not", "if", "then", "else", "allOf", "anyOf", "oneOf"];
const HERE_NAMED: &[&str] = &["dependentSchemas", "dependencies"];
/// The same for its members and items.
const BELOW: &[&str] = &[
    "additionalProperties",
    "propertyNames",
    "unevaluatedProperties",
    "items",
    "additionalItems",
    "unevaluatedItems",
    "contains",
];
const BELOW_NAMED: &[&str] = &["patternProperties"];
/// Named schemas that something has to refer to.
const NAMED: &[&str] = &["$defs", "definitions"];
const REFERENCES: &[&str] = &["$ref", "$dynamicRef", "$recursiveRef"];

/// The schemas of a schema; see the module.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    root: usize,
    /// How many schemas look at one value, one within the other, at most.
    depth: usize,
}

#[derive(Debug, Default)]
struct Node {
    /// Schemas that look at the same value.
    here: Vec<usize>,
    /// Schemas that look at a part of it.
    below: Vec<(Part, usize)>,
    /// Whether the schemas for the same value are asked again for what they have looked at.
    asks_again: bool,
}

#[derive(Debug)]
enum Part {
    Member(String),
    Item(usize),
    /// Each of them.
    All,
}

impl Graph {
    /// # Errors
    /// Why the schema is not used.
    pub(super) fn new(schema: &Value) -> Result<Graph, String> {
        let mut builder = Builder {
            schema,
            identity: schema
                .get("$id")
                .or(schema.get("id"))
                .and_then(Value::as_str),
            nodes: Vec::new(),
            known: HashMap::new(),
            anchors: HashMap::new(),
            references: Vec::new(),
        };
        let root = builder.add(schema)?;
        while let Some((from, reference)) = builder.references.pop() {
            let target = builder.target(reference)?;
            if let Some(node) = builder.nodes.get_mut(from) {
                node.here.push(target);
            }
        }
        let mut graph = Graph {
            nodes: builder.nodes,
            root,
            depth: 0,
        };
        let mut depths = vec![None; graph.nodes.len()];
        for node in 0..graph.nodes.len() {
            graph.depth = graph.depth.max(graph.depth_of(node, 0, &mut depths)?);
        }
        graph.check_reading()?;
        Ok(graph)
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// How many schemas look at the same value, one within the other. `known` has those that were
    /// counted; 0 is one whose count has begun.
    fn depth_of(
        &self,
        node: usize,
        outer: usize,
        known: &mut [Option<usize>],
    ) -> Result<usize, String> {
        match known.get(node) {
            Some(Some(0)) => {
                return Err("it refers to itself without looking into the message".to_owned());
            }
            Some(Some(depth)) => return Ok(*depth),
            _ => {}
        }
        let too_deep = || format!("more than {MAX_DEPTH} schemas are nested for the same value");
        if outer >= MAX_DEPTH {
            return Err(too_deep());
        }
        if let Some(entry) = known.get_mut(node) {
            *entry = Some(0);
        }
        let mut depth = 1;
        for next in self.nodes.get(node).map_or(&[][..], |node| &node.here) {
            depth = depth.max(1 + self.depth_of(*next, outer + 1, known)?);
        }
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        if let Some(entry) = known.get_mut(node) {
            *entry = Some(depth);
        }
        Ok(depth)
    }

    /// Checks that the schema can be read in little time: for `unevaluatedProperties` and
    /// `unevaluatedItems` the validator unfolds all that looks at the same value.
    fn check_reading(&self) -> Result<(), String> {
        let mut looks = Looks {
            nodes: &self.nodes,
            left: READING_COST,
        };
        let nodes = self.nodes.iter().enumerate();
        for (node, _) in nodes.filter(|(_, node)| node.asks_again) {
            // No schema looks at a part of null.
            looks.again(node, &Value::Null).ok_or_else(|| {
                "too many schemas are combined with unevaluatedProperties or unevaluatedItems"
                    .to_owned()
            })?;
        }
        Ok(())
    }

    /// Checks that a message is not too much for the schema.
    ///
    /// # Errors
    /// That it is.
    pub(super) fn check(&self, message: &Value) -> Result<(), String> {
        let (values, levels) = size_of(message);
        if levels * self.depth > MAX_LEVELS {
            return Err("the schema and the message are nested too deeply".to_owned());
        }
        let mut looks = Looks {
            nodes: &self.nodes,
            left: BASE_COST + COST_OF_VALUE * values,
        };
        looks
            .at(self.root, message)
            .ok_or_else(|| "the schema would take too long for this message".to_owned())
    }
}

/// The number of values in a value, and of its levels.
fn size_of(value: &Value) -> (u64, usize) {
    let add = |(values, levels): (u64, usize), value: &Value| {
        let (more, inner) = size_of(value);
        (values + more, levels.max(inner + 1))
    };
    match value {
        Value::Array(items) => items.iter().fold((1, 1), add),
        Value::Object(members) => members.values().fold((1, 1), add),
        _ => (1, 1),
    }
}

/// Looks at values as the validator would, and counts.
struct Looks<'a> {
    nodes: &'a [Node],
    /// How many more are allowed.
    left: u64,
}

impl Looks<'_> {
    /// `None` if there are too many.
    fn at(&mut self, node: usize, value: &Value) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        let nodes = self.nodes;
        let this = nodes.get(node)?;
        for next in &this.here {
            self.at(*next, value)?;
        }
        if this.asks_again {
            self.again(node, value)?;
        }
        for (part, next) in &this.below {
            match (part, value) {
                (Part::Member(name), value) => self.at_all(*next, value.get(name))?,
                (Part::Item(at), value) => self.at_all(*next, value.get(*at))?,
                (Part::All, Value::Array(items)) => self.at_all(*next, items)?,
                (Part::All, Value::Object(members)) => self.at_all(*next, members.values())?,
                _ => {}
            }
        }
        Some(())
    }

    /// Looks for what the schemas for the same value have looked at, which asks each of them again.
    fn again(&mut self, node: usize, value: &Value) -> Option<()> {
        let nodes = self.nodes;
        for next in &nodes.get(node)?.here {
            self.at(*next, value)?;
            self.again(*next, value)?;
        }
        Some(())
    }

    fn at_all<'v>(
        &mut self,
        node: usize,
        values: impl IntoIterator<Item = &'v Value>,
    ) -> Option<()> {
        values
            .into_iter()
            .try_for_each(|value| self.at(node, value))
    }
}

struct Builder<'a> {
    schema: &'a Value,
    /// The `$id` of the whole.
    identity: Option<&'a str>,
    nodes: Vec<Node>,
    /// By address.
    known: HashMap<usize, usize>,
    anchors: HashMap<&'a str, usize>,
    /// Still to be followed.
    references: Vec<(usize, &'a str)>,
}

impl<'a> Builder<'a> {
    fn add(&mut self, schema: &'a Value) -> Result<usize, String> {
        let address = std::ptr::from_ref(schema).addr();
        if let Some(known) = self.known.get(&address) {
            return Ok(*known);
        }
        let index = self.nodes.len();
        if index >= MAX_SCHEMAS {
            return Err(format!("it has more than {MAX_SCHEMAS} schemas in it"));
        }
        self.known.insert(address, index);
        self.nodes.push(Node::default());
        if let Value::Object(keywords) = schema {
            self.name(index, keywords)?;
            let node = self.node(index, keywords)?;
            if let Some(place) = self.nodes.get_mut(index) {
                *place = node;
            }
        }
        Ok(index)
    }

    fn name(&mut self, index: usize, keywords: &'a Map<String, Value>) -> Result<(), String> {
        for keyword in ["$anchor", "$dynamicAnchor", "$id", "id"] {
            let Some(name) = keywords.get(keyword).and_then(Value::as_str) else {
                continue;
            };
            let anchor = match keyword.ends_with("nchor") {
                true => Some(name),
                false => name.strip_prefix('#'),
            };
            match anchor {
                Some(anchor) => {
                    self.anchors.entry(anchor).or_insert(index);
                }
                None if index > 0 => {
                    return Err(format!(
                        "a schema within it has the {keyword} {name}; name it in $defs instead"
                    ));
                }
                None => {}
            }
        }
        Ok(())
    }

    fn node(&mut self, index: usize, keywords: &'a Map<String, Value>) -> Result<Node, String> {
        let mut node = Node::default();
        for (keyword, value) in keywords {
            let keyword = keyword.as_str();
            if HERE.contains(&keyword) {
                for schema in one_or_more(value) {
                    node.here.push(self.add(schema)?);
                }
            } else if HERE_NAMED.contains(&keyword) {
                for schema in named(value) {
                    node.here.push(self.add(schema)?);
                }
            } else if BELOW.contains(&keyword) {
                node.asks_again |= keyword.starts_with("unevaluated");
                for schema in one_or_more(value) {
                    node.below.push((Part::All, self.add(schema)?));
                }
            } else if BELOW_NAMED.contains(&keyword) {
                for schema in named(value) {
                    node.below.push((Part::All, self.add(schema)?));
                }
            } else if keyword == "properties" {
                for (name, schema) in value.as_object().into_iter().flatten() {
                    let part = Part::Member(name.clone());
                    node.below.push((part, self.add(schema)?));
                }
            } else if keyword == "prefixItems" {
                for (at, schema) in one_or_more(value).iter().enumerate() {
                    node.below.push((Part::Item(at), self.add(schema)?));
                }
            } else if NAMED.contains(&keyword) {
                for schema in named(value) {
                    self.add(schema)?;
                }
            } else if REFERENCES.contains(&keyword) {
                let reference = value.as_str();
                self.references.extend(reference.map(|to| (index, to)));
            }
        }
        Ok(node)
    }

    /// The schema that a reference names.
    fn target(&mut self, reference: &'a str) -> Result<usize, String> {
        let own = self.identity.map(|identity| identity.trim_end_matches('#'));
        let own = own.filter(|identity| !identity.is_empty());
        let inner = own.and_then(|identity| reference.strip_prefix(identity));
        let fragment = match inner.unwrap_or(reference) {
            "" if inner.is_some() => "",
            inner => inner.strip_prefix('#').ok_or_else(|| {
                format!(
                    "$ref {reference} is in another document; only references within the schema \
                     (#/…) are followed"
                )
            })?,
        };
        let missing = || format!("$ref {reference} refers to nothing");
        let fragment = percent_decode_str(fragment).decode_utf8_lossy();
        match fragment.is_empty() || fragment.starts_with('/') {
            true => self.add(self.schema.pointer(&fragment).ok_or_else(missing)?),
            false => self.anchors.get(&*fragment).copied().ok_or_else(missing),
        }
    }
}

fn one_or_more(value: &Value) -> &[Value] {
    match value {
        Value::Array(schemas) => schemas,
        schema => std::slice::from_ref(schema),
    }
}

/// The schemas of an object; `dependencies` may have lists of names instead.
fn named(value: &Value) -> impl Iterator<Item = &Value> {
    let values = value.as_object().into_iter().flat_map(Map::values);
    values.filter(|value| !value.is_array())
}
