internal import Glibc

/// The settings file, flattened to `section.name` entries in the order of the file.
///
/// `{ orion: { "rate-limit": 50 } }` and `{ "orion.rate-limit": 50 }` say the same.
struct SettingsFile {
    struct Entry: Equatable {
        let key: String
        let value: RawSettingValue
        let line: Int
    }

    /// As the operator named it; messages begin with it.
    let path: String
    let entries: [Entry]
    /// Accounts other than the owner's may read the file: a secret does not belong there.
    let isReadableByOthers: Bool

    /// 1 MiB: a settings file of that size is some other file.
    private static let maximumBytes = 1 << 20

    /// - Throws: a problem that names the file and what is wrong with it.
    init(reading path: String) throws(ConfigurationError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ConfigurationError("cannot read the settings file \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else {
            throw ConfigurationError("cannot read the settings file \(path): it is a directory")
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw ConfigurationError("cannot read the settings file \(path): \(String(cString: strerror(errno)))")
            }
            if count == 0 { break }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= SettingsFile.maximumBytes else {
                throw ConfigurationError("\(path) is larger than 1 MiB and cannot be a settings file")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigurationError("\(path) is not UTF-8 text")
        }
        try self.init(path: path, text: text, isReadableByOthers: status.st_mode & 0o077 != 0)
    }

    init(path: String, text: String, isReadableByOthers: Bool = false) throws(ConfigurationError) {
        self.path = path
        self.isReadableByOthers = isReadableByOthers
        let root: JSON5Parser.Value
        do {
            root = try JSON5Parser.parse(text)
        } catch {
            throw ConfigurationError("\(path):\(error.line): \(error.reason)")
        }
        guard case .object(let members) = root.content else {
            throw ConfigurationError(
                "\(path):\(root.line): the file must hold one object, { section: { name: value } }")
        }
        var entries: [Entry] = []
        for member in members { try SettingsFile.flatten(member, prefix: "", path: path, into: &entries) }
        self.entries = entries
    }

    private static func flatten(
        _ member: JSON5Parser.Member, prefix: String, path: String, into entries: inout [Entry]
    ) throws(ConfigurationError) {
        let key = prefix + member.name
        let value: RawSettingValue
        switch member.value.content {
        case .object(let members):
            for inner in members { try flatten(inner, prefix: key + ".", path: path, into: &entries) }
            return
        case .null:
            throw ConfigurationError("\(path):\(member.line): \(key) is null; leave it out to get the default")
        case .boolean(let boolean): value = .boolean(boolean)
        case .number(let digits): value = .number(digits)
        case .string(let text): value = .text(text)
        case .array(let elements):
            var items: [String] = []
            for element in elements {
                guard case .string(let item) = element.content else {
                    throw ConfigurationError("\(path):\(element.line): the list \(key) may hold texts only")
                }
                items.append(item)
            }
            value = .list(items)
        }
        if let earlier = entries.first(where: { $0.key == key }) {
            throw ConfigurationError(
                "\(path):\(member.line): \"\(key)\" is given again; it was set in line \(earlier.line)")
        }
        entries.append(Entry(key: key, value: value, line: member.line))
    }
}
