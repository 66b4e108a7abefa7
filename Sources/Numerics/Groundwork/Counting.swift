/// A number and what it counts: "1 row", "3 rows". `many` is for words whose plural is not made with an s.
public func counted(_ count: Int, _ one: String, _ many: String? = nil) -> String { "\(count) \(count == 1 ? one : many ?? one + "s")" }
