/// Finds out which damaged files of a store a backup has whole.
///
/// ## Steps
/// 1. Verify the damaged directory.
/// 2. For each file with a finding look for the file of that name in the backup, lay it over the directory, and verify
///    that: nothing is touched yet. What is still found in a file that was laid over it is the backup's own damage, or
///    the file does not belong here; it is taken out again.
/// 3. A good file may let more be read, and so more damage be found: again, until nothing new is found.
///
/// The file that the log ends in is taken only if the backup's is at least as long: a shorter one would verify and
/// silently lose what was acknowledged behind its end.
package struct StoreRepair: Sendable {
    /// Files to be taken from the backup.
    package let files: [String]
    /// What was found at first, and what is left when these files are replaced.
    package let before: [VerifyReport.Finding]
    package let after: [VerifyReport.Finding]

    /// The caller holds the lock of `damaged`.
    /// - Throws: `notAStore`, `newerFormat`, `io`.
    /// - Complexity: verifies the directory twice or more.
    package static func plan(damaged: any Disk, backup: any Disk) throws(LogStoreError) -> StoreRepair {
        let available = try sizes(backup)
        let present = try sizes(damaged)
        let newestLog = present.keys.filter { LogFormat.parse($0) != nil }.max()
        var overlay = OverlayDisk(base: damaged)
        var rejected: Set<String> = []
        let before = try StoreVerifier.verify(disk: overlay).findings
        var findings = before
        while true {
            let useless = Set(findings.map(\.file)).intersection(overlay.replacements.keys)
            for name in useless { overlay.replacements[name] = nil }
            rejected.formUnion(useless)
            var isNew = false
            for name in candidates(findings, available, present) where overlay.replacements[name] == nil {
                guard !rejected.contains(name), let size = available[name] else { continue }
                if name == newestLog, size < present[name] ?? 0 { continue }
                overlay.replacements[name] = backup
                isNew = true
            }
            guard isNew || !useless.isEmpty else { break }
            findings = try StoreVerifier.verify(disk: overlay).findings
        }
        return StoreRepair(files: overlay.replacements.keys.sorted(), before: before, after: findings)
    }

    private static func sizes(_ disk: any Disk) throws(LogStoreError) -> [String: UInt64] {
        let entries = try StoreFiles(disk: disk).list().filter { BackupInventory.isStoreFile($0.name) }
        return Dictionary(entries.map { ($0.name, $0.size) }) { first, _ in first }
    }

    private static func candidates(
        _ findings: [VerifyReport.Finding], _ available: [String: UInt64], _ present: [String: UInt64]
    ) -> [String] {
        var names: [String] = []
        for finding in findings {
            // Where the log begins too late or is not there at all, any older file may be what is missing.
            if LogFormat.parse(finding.file) != nil || finding.file == "w-*.wal" {
                names += available.keys.filter {
                    LogFormat.parse($0) != nil && present[$0] == nil && ($0 < finding.file || finding.offset == 0)
                }
            } else if finding.file == "m-*.man" {
                names += available.keys.filter { Manifest.parse($0) != nil && present[$0] == nil }
            }
            if available[finding.file] != nil { names.append(finding.file) }
        }
        return names.sorted()
    }
}
