import Glibc

/// What a variable of the environment holds; nil where it is not set, or empty.
public func environmentVariable(_ name: String) -> String? {
  getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
}
