//! What is refused: with the right status, and without harm.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serde_json::json;

use super::Running;

const SEARCH: &str = "/v1/spaces/spiral/search";

#[test]
fn bodies_that_make_no_sense_have_their_status() {
    let running = Running::new();
    let client = &running.client;
    let json = |body: &str| client.send("POST", SEARCH, "application/json", body.as_bytes());
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(json(&deep).status, 400);
    let deep = format!("{{\"columns\": {}1{}}}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    for (body, status, says) in [
        ("{\"id\": \"i1\"", 400, "the body is no JSON"),
        ("{\"vector\": [NaN, 1]}", 400, "the body is no JSON"),
        ("{\"vector\": [1e39, 1]}", 400, "number out of range"),
        ("{\"vector\": [1]}", 400, "has 1 numbers, the vectors here have 2"),
        ("{\"vector\": []}", 400, "has 0 numbers"),
        ("{\"id\": \"i1\", \"text\": \"x\"}", 400, "ask in one way"),
        ("{}", 400, "ask in one way"),
        ("[]", 400, "ask in one way"),
        ("", 400, "EOF"),
        ("{\"id\": \"i1\", \"k\": 0}", 400, "k has to be 1 to"),
        ("{\"id\": \"i1\", \"k\": 10001}", 400, "k has to be 1 to"),
        ("{\"id\": \"i1\", \"k\": -1}", 400, "the body does not fit"),
        ("{\"id\": \"i1\", \"filtre\": \"x\"}", 400, "unknown field `filtre`"),
        ("{\"id\": \"i1\", \"filter\": \"yaer = 1\"}", 400, "did you mean year"),
        ("{\"id\": \"i1\", \"filter\": \"year = \"}", 400, "filter, character"),
        ("{\"id\": \"i1\", \"field\": \"other\"}", 400, "no vector field 'other'"),
        ("{\"id\": \"i1\", \"columns\": [\"yaer\"]}", 400, "did you mean 'year'"),
        ("{\"id\": \"i1\", \"effort\": 0}", 400, "effort has to be"),
        ("{\"id\": \"i1\", \"within\": 1e400}", 400, "the body"),
        ("{\"id\": \"i1000\"}", 404, "did you mean"),
        ("{\"id\": \"i1\", \"hybrid\": true}", 400, "hybrid is for a text"),
        (&deep, 400, "the body does not fit"),
    ] {
        let answer = json(body);
        assert_eq!(answer.status, status, "{}: {}", &body[..body.len().min(60)], answer.told());
        let told = answer.told();
        assert!(told.contains(says), "{}: {told}", &body[..body.len().min(60)]);
    }
    let put =
        format!("{{\"points\": [{{\"id\": \"n\", \"vector\": [1, 2], \"columns\": {deep}}}]}}");
    let put = client.send("POST", "/v1/spaces/spiral/points", "application/json", put.as_bytes());
    assert!(put.status == 400 && put.told().contains("recursion limit"), "{}", put.told());
    assert_eq!(client.send("POST", SEARCH, "text/plain", b"{}").status, 415);
    assert_eq!(client.send("PUT", SEARCH, "application/json", b"{}").status, 405);
    let many = json!({"vectors": vec![[1.0, 2.0]; 1001]});
    assert!(client.post(SEARCH, &many).told().contains("1001 vectors are more than 1000"));
    assert_eq!(client.get("/health").status, 200);
}

#[test]
fn names_lead_nowhere_else() {
    let running = Running::new();
    for path in [
        "/v1/spaces/..%2f..%2fetc%2fpasswd",
        "/v1/spaces/../../etc/passwd",
        "/v1/spaces/spiral/maps/..%2fspace.json",
        "/v1/spaces/%00/items",
        "/v1/spaces/spiral.space",
        "/v1/spaces/%2e%2e/items?id=i1",
        "//etc/passwd",
    ] {
        assert_eq!(running.client.get(path).status, 404, "{path}");
    }
    assert_eq!(running.client.get("/v1/spaces/%ff").status, 400);
    let other = running
        .client
        .raw(b"GET /v1/spaces HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert_eq!(other.status, 403);
}

#[test]
fn bodies_that_are_too_large_are_not_read() {
    let running = Running::with(&|options| options.limits.body = 1000);
    let long = vec![b' '; 1001];
    assert_eq!(running.client.send("POST", SEARCH, "application/json", &long).status, 413);
    // A gigabyte is announced; the answer comes at once.
    let begun = Instant::now();
    let head = format!(
        "POST {SEARCH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{{",
        1_u64 << 30
    );
    assert_eq!(running.client.raw(head.as_bytes()).status, 413);
    // In pieces whose number is not announced.
    let mut pieces = format!(
        "POST {SEARCH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    for _ in 0..30 {
        pieces.push_str("40\r\n");
        pieces.push_str(&" ".repeat(64));
        pieces.push_str("\r\n");
    }
    assert_eq!(running.client.raw(pieces.as_bytes()).status, 413);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn those_who_keep_us_waiting_are_cut() {
    let running = Running::with(&|options| {
        options.limits.patience = Duration::from_millis(300);
        options.limits.timeout = Duration::from_millis(600);
        options.limits.connections = 20;
    });
    let begun = Instant::now();
    let mut slow: Vec<_> = (0..15).map(|_| running.client.connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /v1/spaces HTTP/1.1\r\nHost: loc").unwrap();
    }
    // Others are answered all the while.
    assert_eq!(running.client.get("/v1/spaces").status, 200);
    for stream in &mut slow {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let mut stream = running.client.connect();
    let head = format!(
        "POST {SEARCH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
}

#[test]
fn more_than_can_be_at_work_are_told_to_come_back() {
    let running = Running::with(&|options| options.limits.in_flight = 2);
    let head = format!(
        "POST {SEARCH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n"
    );
    let mut held: Vec<_> = (0..2).map(|_| running.client.connect()).collect();
    for stream in &mut held {
        stream.write_all(head.as_bytes()).unwrap();
        // It is asked for its body: so it was let in.
        let mut answer = [0; 25];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    let answer = running.client.get("/v1/spaces");
    assert_eq!(answer.status, 429);
    assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
    assert_eq!(running.client.get("/health").status, 200);
    for stream in &mut held {
        stream.write_all(b"{\"id\": \"i1\"}").unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
    assert_eq!(running.client.get("/v1/spaces").status, 200);
}

#[test]
fn keys_are_asked_for_and_pages_of_other_origins_are_named() {
    let key = "a-key-of-some-length";
    let mut running = Running::with(&|options| {
        options.access.api_key = Some(key.to_owned());
        options.access.cors_origins = vec!["https://example.org".to_owned()];
    });
    assert_eq!(running.client.get("/v1/spaces").status, 401);
    assert_eq!(running.client.get("/health").status, 200);
    running.client.key = Some(key.to_owned());
    assert_eq!(running.client.get("/v1/spaces").status, 200);
    let asked = |origin: &str| {
        running.client.raw(
            format!(
                "OPTIONS {SEARCH} HTTP/1.1\r\nHost: x\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\
                 Connection: close\r\n\r\n"
            )
            .as_bytes(),
        )
    };
    assert!(
        asked("https://example.org")
            .head
            .contains("access-control-allow-origin: https://example.org")
    );
    assert!(!asked("https://evil.example").head.contains("access-control-allow-origin"));
}
