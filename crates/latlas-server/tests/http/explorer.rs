//! What the explorer asks: geometry, colours and selections as bytes, and what a map made of an item's neighbours.

use latlas::items::{ColumnKind, Items, json as values};
use latlas::{Run, Space};
use serde_json::{Value, json};

use crate::Running;
use crate::client::Answer;

/// A server whose space has a map that tears neighbours apart: a spiral laid out in rows of ten, each row turned around at random.
fn mapped() -> Running {
    Running::with(&|options| {
        let path = &options.spaces[0];
        let space = Space::open(path).unwrap();
        let column = |name: &str, value: &dyn Fn(usize) -> f64| {
            let all: Vec<Value> = (0..100).map(|i| json!(value(i))).collect();
            let all: Vec<Option<&Value>> = all.iter().map(Some).collect();
            values::column(name, ColumnKind::Number, None, &all).unwrap()
        };
        let mut table = Items::from_ids(space.live().map(|row| space.id(row))).unwrap();
        for column in [
            column("x", &|i| (i * 7 % 10) as f64),
            column("y", &|i| -((i / 10) as f64) - 0.01 * (i % 10) as f64),
            column("kept", &|i| i as f64 / 100.0),
        ] {
            table = table.with_column(column).unwrap();
        }
        let mut edit = Space::edit(path).unwrap();
        edit.set_map("rows", &table, json!({ "method": "rows", "field": "main" })).unwrap();
        edit.publish(latlas::space::Provenance::default()).unwrap();
    })
}

fn words(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn float(bytes: &[u8], at: usize) -> f32 {
    f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let line = answer.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("{name}: {}", answer.head))
}

#[test]
fn geometry_tells_where_everything_lies() {
    let running = mapped();
    let answer = running.client.get("/v1/spaces/spiral/maps/rows/geometry");
    assert_eq!(answer.status, 200, "{}", answer.told());
    let bytes = &answer.body;
    assert_eq!((&bytes[..4], bytes.len()), (&b"LTLG"[..], 32 + 400));
    let ends = [16, 20, 24, 28].map(|at| float(bytes, at));
    assert_eq!(ends[0], 0.0);
    assert!(((ends[1] - ends[0]) - (ends[3] - ends[2])).abs() < 1e-5, "one scale: {ends:?}");
    assert!(ends[1] >= 9.0);
    let codes = words(&bytes[32..]);
    for (i, code) in codes[..100].iter().enumerate() {
        let x = ends[0] + f32::from(*code) / 65534.0 * (ends[1] - ends[0]);
        assert!((x - (i * 7 % 10) as f32).abs() < 1e-3, "{i}: {x}");
    }
    assert_eq!(codes[100], 65534, "the first item lies highest");
    let before = header(&answer, "x-latlas-state").to_owned();

    // What comes later has no position; what goes away has no place.
    let put = json!({ "points": [{ "id": "new", "vector": [1.0, 1.0] }] });
    assert_eq!(running.client.post("/v1/spaces/spiral/points", &put).status, 200);
    let delete = json!({ "ids": ["i0"] });
    assert_eq!(running.client.post("/v1/spaces/spiral/points/delete", &delete).status, 200);
    let answer = running.client.get("/v1/spaces/spiral/maps/rows/geometry");
    let after = words(&answer.body[32..]);
    assert_eq!(after.len(), 200);
    assert_eq!((after[99], after[199]), (u16::MAX, u16::MAX));
    let (low, high) = (float(&answer.body, 16), float(&answer.body, 20));
    let first = low + f32::from(after[0]) / 65534.0 * (high - low);
    assert!((first - 7.0).abs() < 1e-3, "the first is i1 now: {first}");
    assert_ne!(header(&answer, "x-latlas-state"), before);
    let items = running.client.get("/v1/spaces/spiral/items?place=0&place=99&columns=lang").json();
    assert_eq!(items["items"][0]["id"], "i1");
    assert_eq!(items["items"][1], json!({"place": 99, "id": "new", "columns": {"lang": null}}));
    let trust = running.client.get("/v1/spaces/spiral/maps/rows/trust?place=99&k=3").json();
    assert_eq!(trust["neighbours"][0]["on_map"], Value::Null, "it is not on the map itself");
    assert_eq!(running.client.get("/v1/spaces/spiral/maps/none/geometry").status, 404);
}

#[test]
fn colours_come_with_what_they_mean() {
    let running = mapped();
    let get = |path: &str| running.client.get(&format!("/v1/spaces/spiral/colours{path}"));
    let list = get("?map=rows").json();
    let names: Vec<&str> =
        list["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["lang", "year", "weight", "good", "seen", "kept"]);
    let split = |answer: &Answer| -> (Value, Vec<u8>) {
        let length = u32::from_le_bytes(answer.body[..4].try_into().unwrap()) as usize;
        let about = serde_json::from_slice(&answer.body[4..4 + length]).unwrap();
        (about, answer.body[(4 + length).next_multiple_of(4)..].to_vec())
    };
    let (about, codes) = split(&get("/lang"));
    assert_eq!((&about["kind"], &about["labels"]), (&json!("category"), &json!(["en", "tr"])));
    assert_eq!((codes.len(), &codes[..4]), (100, &[1, 0, 1, 0][..]));
    let (about, numbers) = split(&get("/year"));
    assert_eq!((&about["kind"], &about["missing"]), (&json!("number"), &json!(1)));
    assert_eq!(float(&numbers, 4), 1951.0);
    assert!(float(&numbers, 28).is_nan());
    let (about, numbers) = split(&get("/kept?map=rows"));
    assert_eq!((about["min"].as_f64(), float(&numbers, 200)), (Some(0.0), 0.5));
    let (about, _) = split(&get("/seen"));
    assert_eq!(about["kind"], "time");
    assert_eq!(get("/text").status, 400);
    assert_eq!(get("/kept").status, 404);
    assert!(get("/nonsense?map=rows").told().contains("no column 'nonsense'"));
    assert_eq!(get("?map=nowhere").status, 404);
}

#[test]
fn selections_are_bits() {
    let running = mapped();
    let select = |body: Value| running.client.post("/v1/spaces/spiral/select", &body);
    let places = |answer: &Answer| -> Vec<usize> {
        (0..100).filter(|place| answer.body[place / 8] >> (place % 8) & 1 == 1).collect()
    };
    let some = select(json!({"filter": "weight < 1 AND lang = 'en'"}));
    assert_eq!(places(&some), [1, 3, 5, 7]);
    assert_eq!((header(&some, "x-latlas-selected"), some.body.len()), ("4", 13));
    let some = select(json!({"containing": "BLUE"}));
    assert!(places(&some).iter().all(|place| place % 3 == 1), "{:?}", places(&some));
    assert_eq!(header(&some, "x-latlas-selected"), "33");
    assert_eq!(places(&select(json!({"containing": "i99"}))), [99]);
    assert_eq!(select(json!({"filter": "weight <"})).status, 400);
    assert_eq!(select(json!({})).status, 400);
    assert_eq!(select(json!({"filter": "weight < 1", "containing": "a"})).status, 400);
    let hits =
        running.client.post("/v1/spaces/spiral/search", &json!({"place": 90, "k": 2})).json();
    assert_eq!(hits["hits"][0]["place"], 89, "the spiral is denser within");
    let none = running.client.post("/v1/spaces/spiral/search", &json!({"place": 100}));
    assert_eq!((none.status, none.told().contains("no item 100")), (404, true));
}

#[test]
fn neighbours_are_those_that_the_library_finds_torn() {
    let mut running = mapped();
    let mut asked = Vec::new();
    for place in [0, 17, 45, 99] {
        let path = format!("/v1/spaces/spiral/maps/rows/trust?place={place}&k=5");
        asked.push((place, running.client.get(&path).json()));
    }
    let space = running.end();
    let (mut torn, mut beside) = (0, 0);
    for (place, told) in asked {
        let id = format!("i{place}");
        let known = latlas::map::torn(&space, Some("rows"), &id, 5, &Run::silent(1)).unwrap();
        let of = |list: &str, keep: &dyn Fn(&Value) -> bool| -> Vec<String> {
            let list = told[list].as_array().unwrap().iter();
            list.filter(|n| keep(n)).map(|n| n["id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(of("neighbours", &|n| n["on_map"] == false), known.missing, "{id}");
        assert_eq!(of("false_neighbours", &|_| true), known.false_neighbours, "{id}");
        torn += known.missing.len();
        beside += known.false_neighbours.len();
    }
    assert!(torn > 0 && beside > 0, "the map tears nothing: {torn}, {beside}");
}

#[test]
fn a_browser_gets_the_page_and_a_program_json() {
    let running = Running::with(&|options| options.access.api_key = Some("k".repeat(20)));
    let get = |path: &str, more: &str| {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n");
        running.client.raw(request.as_bytes())
    };
    let page = get("/", "Accept: text/html,*/*\r\n");
    assert_eq!((page.status, header(&page, "content-type")), (200, "text/html; charset=utf-8"));
    assert!(header(&page, "content-security-policy").starts_with("default-src 'self'"));
    let text = String::from_utf8_lossy(&page.body).into_owned();
    let named = |tag: &str| {
        text.split(tag).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default()
    };
    let (script, style) = (named("src=\""), named("stylesheet\" crossorigin href=\""));
    assert!(!script.is_empty() && !style.is_empty(), "{text}");
    for path in [script, style, "/raster-worker.js"] {
        let file = get(path, "");
        assert_eq!(file.status, 200, "{path}");
        assert!(file.body.len() > 1000, "{path}");
    }
    assert_eq!(get("/", "").status, 401, "what is in the spaces needs the key");
    assert_eq!(get("/v1/spaces", "Accept: text/html\r\n").status, 401);
    let key = format!("Authorization: Bearer {}\r\n", "k".repeat(20));
    assert_eq!(get("/", &key).json()["spaces"], json!(["spiral"]));
}
