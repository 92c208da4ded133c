//! Everything on the byte path of the broker. Knows nothing of Node.
