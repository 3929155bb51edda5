//! Which layer wins, and what is said about values that are refused.

use serde::Deserialize;

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    http: Http,
    name: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Http {
    listen: String,
    workers: u16,
    zones: Vec<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:1".into(),
            workers: 2,
            zones: vec![],
        }
    }
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

fn file(text: &str) -> Result<Layers, LayerError> {
    Layers::new().text(text, Path::new("tod.toml"))
}

#[test]
fn later_layers_win_and_say_where_a_value_is_from() {
    let layers = file("name = 'file'\n[http]\nlisten = 'file'\nworkers = 3").unwrap();
    let given = [
        ("TOD_HTTP__WORKERS", "4"),
        ("TOD_FIXTURES", "/x"),
        ("HOME", "/root"),
    ];
    let layers = layers.variables("TOD_", variables(&given));
    let layers = layers.flag("http.listen", "--listen", Some("flag"));
    let layers = layers.flag("name", "--name", None::<String>);
    let config: Config = layers.read().unwrap();
    assert_eq!(config.http.listen, "flag");
    assert_eq!(config.http.workers, 4);
    assert_eq!(config.name, "file");
    assert_eq!(
        layers.origin("http.listen"),
        Some(&Origin::Flag("--listen".into()))
    );
    assert_eq!(
        layers.origin("http.workers").unwrap().to_string(),
        "variable TOD_HTTP__WORKERS"
    );
    assert_eq!(layers.origin("name").unwrap().to_string(), "tod.toml:1");
    assert_eq!(layers.origin("http.zones"), None);
    assert_eq!(Layers::new().read::<Config>().unwrap(), Config::default());
}

#[test]
fn text_is_read_as_what_the_field_needs() {
    let given = [
        ("TOD_HTTP__ZONES", "['a', 'b']"),
        ("TOD_HTTP__LISTEN", "123"),
    ];
    let layers = Layers::new().variables("TOD_", variables(&given));
    let config: Config = layers.read().unwrap();
    assert_eq!(config.http.zones, ["a", "b"]);
    assert_eq!(
        config.http.listen, "123",
        "a string stays one when it looks like a number"
    );
}

#[test]
fn what_is_refused_is_reported_with_its_place() {
    let error = |layers: Layers| layers.read::<Config>().unwrap_err().to_string();
    let wrong = error(file("[http]\nworkers = 'many'").unwrap());
    assert!(
        wrong.starts_with("tod.toml:2: `http.workers`: invalid type"),
        "{wrong}"
    );
    let unknown = error(file("[http]\nport = 1").unwrap());
    assert!(
        unknown.starts_with("tod.toml:2: `http.port`: unknown field `port`"),
        "{unknown}"
    );
    let given = variables(&[("TOD_HTTP__WORKERS", "-1")]);
    let variable = error(Layers::new().variables("TOD_", given));
    assert!(
        variable.starts_with("variable TOD_HTTP__WORKERS: `http.workers`: "),
        "{variable}"
    );
    let flag = error(Layers::new().flag("http.workers", "--workers", Some("99999999")));
    assert!(flag.starts_with("flag --workers: "), "{flag}");
    assert!(matches!(file("a = = b"), Err(LayerError::Syntax { .. })));
    let missing = Layers::new().file(Path::new("/nowhere/tod.toml"));
    assert!(matches!(missing, Err(LayerError::Unreadable { .. })));
}
