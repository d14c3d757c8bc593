/// The program's version (https://semver.org); CHANGELOG.md says what each one brought.
enum Version {
    static let current = "0.1.0"
}
