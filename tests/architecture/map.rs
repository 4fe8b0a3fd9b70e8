//! The layers as the documentation of `src/lib.rs` lists them.

/// The layers, from the top down.
pub(super) struct Map {
    pub(super) layers: Vec<Layer>,
}

pub(super) struct Layer {
    /// Modules, and modules within them that stand lower or higher than the rest.
    pub(super) modules: Vec<String>,
    /// What is said about the layer.
    pub(super) text: String,
}

impl Map {
    /// Reads a numbered list in the `//!` lines of `root`, in which links name the modules.
    pub(super) fn read(root: &str) -> Self {
        let mut layers: Vec<Layer> = Vec::new();
        let mut is_in_list = false;
        for line in root.lines().map_while(|line| line.strip_prefix("//!")) {
            if is_item(line) {
                layers.push(Layer {
                    modules: Vec::new(),
                    text: String::new(),
                });
                is_in_list = true;
            }
            is_in_list &= !line.trim().is_empty();
            if let Some(layer) = layers.last_mut().filter(|_| is_in_list) {
                layer.modules.extend(links(line));
                layer.text.push_str(line);
            }
        }
        Map { layers }
    }

    /// What the map names that `module` is or belongs to, and the number of its layer.
    pub(super) fn place(&self, module: &str) -> Option<(&str, usize)> {
        let named = self.layers.iter().enumerate().flat_map(|(number, layer)| {
            let names = layer.modules.iter();
            names.map(move |name| (name.as_str(), number))
        });
        named
            .filter(|(name, _)| is_within(module, name))
            .max_by_key(|(name, _)| name.len())
    }
}

/// Whether `module` is `name` or lies in it.
pub(super) fn is_within(module: &str, name: &str) -> bool {
    let rest = module.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Whether `line` begins with a number and a dot.
fn is_item(line: &str) -> bool {
    let rest = line.trim_start();
    let text = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    text.len() < rest.len() && text.starts_with(". ")
}

/// The names of the links in `line`.
fn links(line: &str) -> impl Iterator<Item = String> {
    let names = line.split("[`").skip(1);
    names.filter_map(|rest| Some(rest.split_once("`]")?.0.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "\
//! A program.
//!
//! 1. The top: [`a`](mod@a),
//!    and [`b`].
//! 2. The bottom: [`a::low`], `c`.
//!
//! More about [`d`].

mod a;
//! 3. [`e`]
";

    #[test]
    fn layers_are_the_items_of_the_list() {
        let map = Map::read(ROOT);
        let modules: Vec<_> = map.layers.iter().map(|layer| &layer.modules[..]).collect();
        assert_eq!(modules, [&["a", "b"][..], &["a::low"]]);
        assert!(map.layers[0].text.starts_with(" 1. The top"));
    }

    #[test]
    fn a_module_belongs_where_the_most_of_its_path_is_named() {
        let map = Map::read(ROOT);
        for (module, place) in [
            ("a", Some(("a", 0))),
            ("a::high", Some(("a", 0))),
            ("a::low", Some(("a::low", 1))),
            ("a::low::er", Some(("a::low", 1))),
            ("a::lower", Some(("a", 0))),
            ("c", None),
        ] {
            assert_eq!(map.place(module), place, "{module}");
        }
    }
}
