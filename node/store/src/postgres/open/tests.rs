//! What is refused before anything is connected to.

use super::*;

fn options(url: &str, schema: &str, connections: u32) -> Options {
    Options { url: url.to_owned(), schema: schema.to_owned(), connections }
}

#[test]
fn a_server_elsewhere_is_spoken_to_over_tls_with_its_name_verified_or_not_at_all() {
    for url in
        ["postgres://m@db.example/m", "postgres://m@db.example/m?sslmode=require", "postgres://m@10.0.0.7/m"]
    {
        let refused = checked(&options(url, "marque", 8)).unwrap_err();
        assert!(matches!(&refused, PostgresError::Plain { .. }), "{url}: {refused}");
    }
    let here = [
        "postgres://m@db.example/m?sslmode=verify-full",
        "postgres://m@127.0.0.1/m",
        "postgres://m@localhost:5433/m",
        "postgres:///m?host=/run/postgresql&user=m",
        "postgres://m@%2Frun%2Fpostgresql/m",
    ];
    for url in here {
        assert!(checked(&options(url, "marque", 8)).is_ok(), "{url}");
    }
}

#[test]
fn a_schema_is_a_plain_name_and_connections_have_a_bound() {
    let url = "postgres://m@127.0.0.1/m";
    let long = "a".repeat(MAX_SCHEMA_BYTES + 1);
    for schema in ["", "1a", "_a", "A", "a-b", "a b", "a\"b", "a;drop", "pg_temp", "ä", &long] {
        assert!(matches!(checked(&options(url, schema, 8)), Err(PostgresError::Option(_))), "{schema}");
    }
    for connections in [0, MAX_CONNECTIONS + 1] {
        assert!(matches!(checked(&options(url, "a", connections)), Err(PostgresError::Option(_))));
    }
    assert!(checked(&options(url, &long[1..], MAX_CONNECTIONS)).is_ok());
}

#[test]
fn neither_options_nor_refusals_tell_a_password() {
    let url = "postgres://m:s3cr3t@db.example/m";
    let told = options(url, "marque", 8);
    assert!(!format!("{told:?} {:?}", checked(&told)).contains("s3cr3t"));
    let wrong = options("postgres://m:s3cr3t@db.example:port/m", "marque", 8);
    assert!(!format!("{wrong:?} {:?} {}", checked(&wrong), checked(&wrong).unwrap_err()).contains("s3cr3t"));
}
