//! Foreign formats, one file each: word2vec, GloVe, npy, safetensors, projector TSV.
