//! Writing HTML. Text is escaped, always; what is not comes from this program.

/// A page as far as it is written.
#[derive(Debug)]
pub(super) struct Html(String);

impl Html {
    pub(super) fn new() -> Self {
        Self(String::new())
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }

    /// Adds markup.
    pub(super) fn raw(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// Adds text.
    pub(super) fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
    }

    /// Adds an attribute to a tag that is open.
    pub(super) fn attribute(&mut self, name: &'static str, value: &str) {
        self.0.push(' ');
        self.0.push_str(name);
        self.0.push_str("=\"");
        self.text(value);
        self.0.push('"');
    }

    /// Adds an element with text in it, and a class if it has one.
    pub(super) fn element(&mut self, name: &'static str, class: &str, text: &str) {
        self.0.push('<');
        self.0.push_str(name);
        if !class.is_empty() {
            self.attribute("class", class);
        }
        self.0.push('>');
        self.text(text);
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    /// Adds a link to `#PREFIXNAME` that is called `NAME`.
    pub(super) fn link(&mut self, prefix: &'static str, name: &str) {
        self.0.push_str("<a");
        self.attribute("href", &format!("#{prefix}{name}"));
        self.0.push('>');
        self.text(name);
        self.0.push_str("</a>");
    }
}

/// Adds paragraphs with `code` in them, and blocks between lines of three back ticks.
pub(super) fn prose(html: &mut Html, text: &str) {
    for (n, block) in text.split("```").enumerate() {
        if n % 2 == 1 {
            html.raw("<pre>");
            html.text(block.split_once('\n').map_or(block, |(_, rest)| rest));
            html.raw("</pre>\n");
            continue;
        }
        let paragraphs = block.split("\n\n").map(str::trim);
        for paragraph in paragraphs.filter(|paragraph| !paragraph.is_empty()) {
            html.raw("<p>");
            for (n, part) in paragraph.split('`').enumerate() {
                if n % 2 == 1 {
                    html.element("code", "", part);
                } else {
                    html.text(part);
                }
            }
            html.raw("</p>\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_becomes_markup() {
        let mut html = Html::new();

        prose(&mut html, "a <script> & `b\"<i>`\n\nc ```\n<x>\n```");
        html.attribute("title", "\"onload='x'");

        let html = html.into_string();
        assert!(html.starts_with("<p>a &lt;script&gt; &amp; <code>b&quot;&lt;i&gt;</code></p>"));
        assert!(html.contains("<pre>&lt;x&gt;\n</pre>"), "{html}");
        assert!(
            html.ends_with(" title=\"&quot;onload=&#39;x&#39;\""),
            "{html}"
        );
    }
}
