"""What a daemon is as a process: signals, its service manager, its log, its machine's boot, a disk without room."""
