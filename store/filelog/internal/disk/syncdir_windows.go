package disk

// syncDir has nothing to do: Windows cannot sync a folder, and NTFS keeps names in a journal of its own.
func syncDir(string) error { return nil }
