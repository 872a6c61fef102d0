/* Preloaded by tests/bench/write_path.py: syncs do nothing, so that the difference is what durability costs. */
int fdatasync(int fd) { (void)fd; return 0; }
int fsync(int fd) { (void)fd; return 0; }
