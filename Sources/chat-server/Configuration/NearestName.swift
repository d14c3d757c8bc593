/// Suggestions for mistyped names.

/// The number of insertions, deletions, changes and swaps of neighbours between two names (optimal string alignment).
/// - Complexity: O(a.count · b.count).
func editDistance(_ a: String, _ b: String) -> Int {
    let a = Array(a.utf8)
    let b = Array(b.utf8)
    var beforePrevious: [Int] = []
    var previous = Array(0...b.count)
    for i in 0..<a.count {
        var current = [i + 1]
        current.reserveCapacity(b.count + 1)
        for j in 0..<b.count {
            var best = min(previous[j + 1] + 1, current[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, beforePrevious[j - 1] + 1) }
            current.append(best)
        }
        beforePrevious = previous
        previous = current
    }
    return previous[b.count]
}

/// The candidate that someone who typed `name` most likely meant, or nil when none is near: at most a third of the
/// name's letters differ. Among equals the first wins.
func nearestName(to name: String, in candidates: [String]) -> String? {
    let name = String(name.prefix(128)).asciiLowercased
    let limit = max(1, name.utf8.count / 3)
    var best: (name: String, distance: Int)?
    for candidate in candidates {
        let distance = editDistance(name, candidate.asciiLowercased)
        if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.name
}
