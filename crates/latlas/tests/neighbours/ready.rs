//! Graphs that were computed elsewhere.

use super::*;

/// A zip archive of one stored or deflated file after the other, as `numpy.savez` writes them.
fn zip(files: &[(&str, Vec<u8>)], deflated: bool) -> Vec<u8> {
    use std::io::Write;
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let mut packer =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(content).unwrap();
        let packed = if deflated { packer.finish().unwrap() } else { content.clone() };
        let mut head = vec![20, 0, 0, 0, if deflated { 8 } else { 0 }, 0, 0, 0, 0, 0];
        head.extend(crc.sum().to_le_bytes());
        head.extend((packed.len() as u32).to_le_bytes());
        head.extend((content.len() as u32).to_le_bytes());
        head.extend((name.len() as u16).to_le_bytes());
        head.extend([0, 0]);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&head);
        directory.extend([0; 10]);
        directory.extend((out.len() as u32).to_le_bytes());
        directory.extend(name.bytes());
        out.extend(b"PK\x03\x04");
        out.extend(head);
        out.extend(name.bytes());
        out.extend(packed);
    }
    let start = out.len() as u32;
    let count = files.len() as u16;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// A `.npy` file of these numbers.
fn npy(dtype: &str, shape: &str, numbers: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes());
    bytes.extend(numbers);
    bytes
}

fn longs(numbers: &[i64]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

fn doubles(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

#[test]
fn ready_graphs_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let expected =
        Graph::new(2, vec![1, 2, 0, 2, 1, 0], vec![0.5, 1.0, 0.5, 0.75, 0.75, 1.0]).unwrap();
    let run = with_threads(1);
    // The point itself stands first, as many libraries have it.
    let indices = npy("<i8", "3, 3", &longs(&[0, 1, 2, 1, 0, 2, 2, 1, 0]));
    let distances = npy("<f8", "3, 3", &doubles(&[0.0, 0.5, 1.0, 0.0, 0.5, 0.75, 0.0, 0.75, 1.0]));
    // A sparse matrix holds a row's columns in their own order.
    let matrix = [
        ("indices.npy", npy("<i4", "6,", &[1, 2, 0, 2, 0, 1].map(i32::to_le_bytes).concat())),
        ("indptr.npy", npy("<i4", "4,", &[0, 2, 4, 6].map(i32::to_le_bytes).concat())),
        ("format.npy", npy("|S3", "", b"csr")),
        ("shape.npy", npy("<i8", "2,", &longs(&[3, 3]))),
        ("data.npy", npy("<f8", "6,", &doubles(&[0.5, 1.0, 0.5, 0.75, 1.0, 0.75]))),
    ];
    for deflated in [false, true] {
        let path = dir.path().join("a.npz");
        let dense = [("indices.npy", indices.clone()), ("distances.npy", distances.clone())];
        for files in [&dense[..], &matrix[..]] {
            let bytes = zip(files, deflated);
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(Graph::read(&path, 3, &run).unwrap(), expected);
            for place in 0..bytes.len() {
                let mut broken = bytes.clone();
                broken[place] ^= 1;
                let read = |bytes: &[u8]| Graph::from_npz(bytes, &Run::silent(1)).ok();
                let _ = (read(&broken), read(&bytes[..place]));
            }
        }
        let error = Graph::read(&path, 4, &run).unwrap_err();
        assert!(error.message().contains("a graph of 3 points, for 4 items"), "{error}");
    }
    let path = dir.path().join("a.csv");
    std::fs::write(
        &path,
        "source,target,distance\n2,1,0.75\n0,2,1\n0,1,0.5\n2,0,1\n1,0,0.5\n1,2,0.75\n1,1,0\n",
    )
    .unwrap();
    assert_eq!(Graph::read(&path, 3, &run).unwrap(), expected);
    // Longer lists are cut to the shortest.
    let ears = Ears::default();
    let run = Run { progress: &ears, ..with_threads(1) };
    std::fs::write(&path, "source,target,distance\n0,1,0.5\n0,2,1\n1,0,0.5\n2,0,1\n").unwrap();
    let graph = Graph::read(&path, 3, &run).unwrap();
    assert_eq!((graph.k(), graph.neighbours(0)), (1, &[1][..]));
    assert!(ears.heard().iter().any(|said| said.contains("the nearest 1 of each are kept")));
}

#[test]
fn ready_graphs_that_are_none_are_refused() {
    let run = with_threads(1);
    let refused = |indices: &[i64], distances: &[f64], says: &str| {
        let bytes = zip(
            &[
                ("indices.npy", npy("<i8", "2, 2", &longs(indices))),
                ("distances.npy", npy("<f8", "2, 2", &doubles(distances))),
            ],
            false,
        );
        let error: Result<Graph> = Graph::from_npz(&bytes, &run);
        let error = error.unwrap_err();
        assert!(error.message().contains(says), "{error}");
        assert_eq!(error.kind(), Kind::Data);
    };
    refused(&[0, -1, 1, 0], &[0.0, 1.0, 0.0, 1.0], "neighbours of point 0: point -1");
    refused(&[0, 2, 1, 0], &[0.0, 1.0, 0.0, 1.0], "point 2 of 2");
    refused(&[0, 1, 1, 0], &[0.0, f64::NAN, 0.0, 1.0], "a distance of NaN");
    refused(&[0, 1, 1, 0], &[0.0, -1.0, 0.0, 1.0], "a distance of -1");
    refused(&[1, 1, 0, 0], &[1.0, 1.0, 1.0, 1.0], "twice");
    refused(&[0, 0, 1, 1], &[0.0, 1.0, 0.0, 1.0], "neighbours of point 0: none");
    let other = zip(&[("x.npy", npy("<i8", "1,", &longs(&[1])))], true);
    let error = Graph::from_npz(&other, &run).unwrap_err();
    assert!(error.message().contains("without an array 'indices'"), "{error}");
    assert!(Graph::from_npz(b"PK", &run).is_err());
}
