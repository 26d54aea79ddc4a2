//! Tests of the layers.

use super::*;

#[test]
fn options_go_over_the_file_and_the_file_over_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("collector.toml");
    fs::write(&config, "listen = '0.0.0.0:1'\nmetrics_listen = '0.0.0.0:2'\n").unwrap();
    let layer = Layer {
        listen: Some("127.0.0.1:3".parse().unwrap()),
        ..Layer::default()
    };
    let settings = Settings::load(Options {
        config: Some(config),
        layer,
    })
    .unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:3");
    assert_eq!(settings.metrics_listen.to_string(), "0.0.0.0:2");
    assert_eq!(settings.log_level, LogLevel::default());
}

#[test]
fn without_configuration_only_loopback_is_listened_on() {
    let settings = Settings::load(Options::default()).unwrap();
    assert!(settings.listen.ip().is_loopback() && settings.metrics_listen.ip().is_loopback());
}

#[test]
fn the_images_configuration_is_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/collector.toml");
    let settings = Settings::from(Layer::read(&path).unwrap());
    assert_eq!(settings.database.path(), Path::new("/app/data/agent-updates.db"));
    assert_eq!(settings.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(settings.metrics_listen.to_string(), "0.0.0.0:9090");
}

#[test]
fn an_unknown_key_is_an_error_that_names_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("collector.toml");
    fs::write(&config, "listne = '127.0.0.1:1'\n").unwrap();
    let error = Layer::read(&config).unwrap_err().to_string();
    assert!(
        error.contains("listne") && error.ends_with("the nearest is listen"),
        "{error}"
    );
}

#[test]
fn other_machines_are_served_with_a_token_or_when_somebody_said_so() {
    let open = Layer {
        listen: Some("0.0.0.0:1".parse().unwrap()),
        ..Layer::default()
    };
    assert!(matches!(
        Settings::from(open.clone()).check(),
        Err(Error::OpenToNetwork { .. })
    ));
    let said = Layer {
        unauthenticated_network: Some(true),
        ..open.clone()
    };
    Settings::from(said).check().unwrap();
    let with_token = Layer {
        tokens: Some(vec![format!("ci:read:{}", "0".repeat(64)).parse().unwrap()]),
        ..open
    };
    Settings::from(with_token).check().unwrap();
}
