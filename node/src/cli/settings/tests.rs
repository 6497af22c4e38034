use super::*;

#[test]
fn no_password_is_shown() {
    for (url, seen) in [
        ("postgres://marque@db.internal/marque", "postgres://marque@db.internal/marque"),
        ("postgres://marque:s3cr:e@t@db.internal:5432/marque", "postgres://marque:…@db.internal:5432/marque"),
        ("postgres://marque:s3/cret@db.internal", "postgres://marque:…@db.internal"),
        (
            "postgres://db/marque?user=a&password=s3cret&sslmode=require",
            "postgres://db/marque?user=a&password=…&sslmode=require",
        ),
        ("postgres:///marque?sslpassword=s3cret", "postgres:///marque?sslpassword=…"),
        ("", ""),
    ] {
        let shown = shown("store.postgres_url", &Toml::String(url.to_owned()));
        assert_eq!(shown.as_str(), Some(seen));
        assert!(!seen.contains("s3cr"));
    }
    let other = Toml::String("a:b@c".to_owned());
    assert_eq!(shown("domain", &other), other);
}
