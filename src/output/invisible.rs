//! Characters that are invisible, and which of them belong to visible ones. Pure.
//!
//! A joiner or a variation selector is part of how some scripts and emoji are written, and there it
//! must reach the terminal; anywhere else it is hidden in a text that looks the same without it.
//! The rules are those of Unicode, and the character properties are those of ICU4X:
//!
//! - joiners in scripts: RFC 5892 appendix A.1 and A.2 (CONTEXTJ), which follow UAX #31 §2.3, and
//!   what the Unicode Standard says of joiners in chapters 9.2 (Arabic) and 12 (Bengali *ra*);
//! - emoji: the sequences of UTS #51 §1.4;
//! - variation selectors: StandardizedVariants.txt by its scripts, and UTS #37 for ideographs.
//!
//! All of them attach to the preceding character (UAX #29, GB9), so a text can be checked from
//! there.

use icu_properties::props::{
    CanonicalCombiningClass, DefaultIgnorableCodePoint, EastAsianWidth, Emoji, EmojiModifier,
    EmojiModifierBase, ExtendedPictographic, GeneralCategory, GeneralCategoryGroup, Ideographic,
    JoiningType, Script, VariationSelector,
};
use icu_properties::{
    CodePointMapData, CodePointMapDataBorrowed, CodePointSetData, CodePointSetDataBorrowed,
};

const ZWNJ: char = '\u{200c}';
const ZWJ: char = '\u{200d}';
const TEXT_STYLE: char = '\u{fe0e}';
const EMOJI_STYLE: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';
const BLACK_FLAG: char = '\u{1f3f4}';
const TAG_END: char = '\u{e007f}';

static IGNORABLE: CodePointSetDataBorrowed<'static> =
    CodePointSetData::new::<DefaultIgnorableCodePoint>();
static SELECTOR: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<VariationSelector>();
static EMOJI: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<Emoji>();
static PICTOGRAPH: CodePointSetDataBorrowed<'static> =
    CodePointSetData::new::<ExtendedPictographic>();
static MODIFIER: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<EmojiModifier>();
static MODIFIER_BASE: CodePointSetDataBorrowed<'static> =
    CodePointSetData::new::<EmojiModifierBase>();
static IDEOGRAPH: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<Ideographic>();
static SCRIPT: CodePointMapDataBorrowed<'static, Script> = CodePointMapData::new();
static JOINING: CodePointMapDataBorrowed<'static, JoiningType> = CodePointMapData::new();
static COMBINING: CodePointMapDataBorrowed<'static, CanonicalCombiningClass> =
    CodePointMapData::new();
static CATEGORY: CodePointMapDataBorrowed<'static, GeneralCategory> = CodePointMapData::new();
static WIDTH: CodePointMapDataBorrowed<'static, EastAsianWidth> = CodePointMapData::new();

/// Whether a character other than a control is invisible: default ignorable (joiners, selectors,
/// tags, fillers, bidi controls and others), a line or paragraph separator, or an interlinear
/// annotation.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}') || IGNORABLE.contains(c)
}

/// Decides which invisible characters of a text belong to visible ones. It must be asked in the
/// order of the text.
#[derive(Default)]
pub(super) struct Belonging {
    /// The end of the last flag's tags.
    flag_end: usize,
}

impl Belonging {
    /// Whether the invisible character `c` at `at` in `text` belongs to a visible one.
    pub(super) fn holds(&mut self, text: &str, at: usize, c: char) -> bool {
        let (before, after) = (&text[..at], &text[at + c.len_utf8()..]);
        match c {
            ZWJ => follows_virama(before) || joins(before, after),
            ZWNJ => follows_virama(before) || keeps_apart(before, after),
            '\u{e0020}'..=TAG_END => {
                if before.ends_with(BLACK_FLAG) {
                    self.flag_end = at + flag_tags(&text[at..]).unwrap_or(0);
                }
                at < self.flag_end
            }
            _ => SELECTOR.contains(c) && selects(c, before, after),
        }
    }
}

/// RFC 5892 appendix A.1 and A.2: it follows a virama in a syllable of its script.
fn follows_virama(before: &str) -> bool {
    let mut chars = before.chars().rev();
    let virama = chars.next().filter(|c| is_virama(*c));
    let base = chars.find(|c| !is_visible_mark(*c));
    virama
        .zip(base)
        .is_some_and(|(virama, base)| is_letter(base) && SCRIPT.get(base) == SCRIPT.get(virama))
}

/// Whether a ZWJ here joins two emoji, or changes the form of a letter.
fn joins(before: &str, after: &str) -> bool {
    joins_emoji(before, after) || precedes_virama(before, after) || extends(before, after)
}

/// UTS #51 ED-15: the elements of a ZWJ sequence are emoji characters, emoji presentation sequences
/// and emoji modifier sequences.
fn joins_emoji(before: &str, after: &str) -> bool {
    let mut chars = before.chars().rev();
    let is_element = match chars.next() {
        Some(EMOJI_STYLE) => chars.next().is_some_and(is_emoji),
        Some(c) if MODIFIER.contains(c) => chars.next().is_some_and(|c| MODIFIER_BASE.contains(c)),
        Some(c) => is_emoji(c),
        None => false,
    };
    is_element && after.chars().next().is_some_and(is_emoji)
}

/// Between a letter and the virama that follows it, a ZWJ selects which letter of a conjunct
/// changes its form: Bengali *ra* and *ya* (Unicode Standard 12.2).
fn precedes_virama(before: &str, after: &str) -> bool {
    let mut after = after.chars();
    let around = (before.chars().next_back(), after.next(), after.next());
    let (Some(first), Some(virama), Some(second)) = around else {
        return false;
    };
    let script = SCRIPT.get(virama);
    let is_of_script = |c| is_letter(c) && SCRIPT.get(c) == script;
    is_virama(virama) && is_of_script(first) && is_of_script(second)
}

/// Whether a letter at the end of a word takes its joining form, as in the Persian abbreviation of
/// *hejri*. Before a letter that joins anyway, a ZWJ has no effect.
fn extends(before: &str, after: &str) -> bool {
    let joins_back = |c| {
        let joining = JOINING.get(c);
        [JoiningType::R, JoiningType::D, JoiningType::C].contains(&joining)
    };
    joins_forward(before)
        && !after
            .chars()
            .find(|c| !is_transparent(*c))
            .is_some_and(joins_back)
}

/// RFC 5892 appendix A.1: a ZWNJ is between two letters that would join.
fn keeps_apart(before: &str, after: &str) -> bool {
    let joins_back = |c| [JoiningType::R, JoiningType::D].contains(&JOINING.get(c));
    joins_forward(before)
        && after
            .chars()
            .find(|c| !is_transparent(*c))
            .is_some_and(joins_back)
}

/// Whether the last letter of `before` joins with a following one.
fn joins_forward(before: &str) -> bool {
    let last = before.chars().rev().find(|c| !is_transparent(*c));
    last.is_some_and(|c| [JoiningType::L, JoiningType::D].contains(&JOINING.get(c)))
}

/// Whether a variation selector selects a form of the preceding character.
fn selects(selector: char, before: &str, after: &str) -> bool {
    let Some(base) = before.chars().next_back() else {
        return false;
    };
    match selector {
        // UTS #51 ED-8a, ED-9a and, with the keycap, ED-14c.
        TEXT_STYLE | EMOJI_STYLE => {
            is_emoji(base) || matches!(base, '0'..='9' | '#' | '*') && after.starts_with(KEYCAP)
        }
        '\u{180b}'..='\u{180f}' => is_letter(base) && SCRIPT.get(base) == Script::Mongolian,
        '\u{fe00}'..='\u{fe0d}' => IDEOGRAPH.contains(base) || has_standardized_variants(base),
        _ => IDEOGRAPH.contains(base),
    }
}

/// Whether StandardizedVariants.txt has variants of such characters: of a few scripts, of
/// mathematical symbols and of wide punctuation.
fn has_standardized_variants(base: char) -> bool {
    let scripts = [
        Script::EgyptianHieroglyphs,
        Script::Manichaean,
        Script::Myanmar,
        Script::PhagsPa,
    ];
    let is_wide = [EastAsianWidth::Wide, EastAsianWidth::Fullwidth].contains(&WIDTH.get(base));
    let category = CATEGORY.get(base);
    !base.is_ascii()
        && (scripts.contains(&SCRIPT.get(base))
            || category == GeneralCategory::MathSymbol
            || is_wide && GeneralCategoryGroup::Punctuation.contains(category))
}

/// The length in bytes of the tags that turn the preceding black flag into another flag: the
/// letters and digits of a subdivision (UTS #51 annex C; `gbsct`, `usca`) and the cancel tag.
fn flag_tags(tags: &str) -> Option<usize> {
    /// A region of two letters or three digits, and one to four letters or digits.
    const MAX: usize = 7;
    let end = tags
        .char_indices()
        .take(MAX + 1)
        .find(|(_, c)| *c == TAG_END)?
        .0;
    let name: Option<String> = tags[..end]
        .chars()
        .map(|tag| char::from_u32(u32::from(tag).checked_sub(0xe0000)?))
        .collect();
    let name = name?;
    let is_letter = |c: char| c.is_ascii_lowercase();
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    let region = if digits >= 3 { 3 } else { 2 };
    let (region, rest) = name.split_at_checked(region)?;
    let is_region = digits >= 3 || region.chars().all(is_letter);
    let is_rest = rest.chars().all(|c| is_letter(c) || c.is_ascii_digit());
    (is_region && is_rest && (1..=4).contains(&rest.len())).then_some(end + TAG_END.len_utf8())
}

/// An emoji character that is a picture; digits, skin tones and the letters of flags are not.
fn is_emoji(c: char) -> bool {
    EMOJI.contains(c) && PICTOGRAPH.contains(c)
}

fn is_virama(c: char) -> bool {
    COMBINING.get(c) == CanonicalCombiningClass::Virama
}

fn is_letter(c: char) -> bool {
    GeneralCategoryGroup::Letter.contains(CATEGORY.get(c))
}

/// A mark that is allowed between a letter and its virama. Invisible marks are not, because they
/// would be escaped; so the search for the letter ends at every joiner, and all searches together
/// pass over a text only once.
fn is_visible_mark(c: char) -> bool {
    GeneralCategoryGroup::Mark.contains(CATEGORY.get(c)) && !is_invisible(c)
}

/// The same for marks between two letters that join.
fn is_transparent(c: char) -> bool {
    JOINING.get(c) == JoiningType::T && !is_invisible(c)
}
