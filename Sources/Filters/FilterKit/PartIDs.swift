import Groundwork
import Tables

/// Names of the parts that sums or scores come from, so that none is merged twice.
public struct PartIDs: Equatable, Sendable {
  /// Sorted by their bytes, so that the order of merging does not show.
  public private(set) var ids: [String]

  /// Those that a file holds.
  public init(_ ids: [String] = []) { self.ids = ids.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }

  /// The one that `--part-id` gives.
  public init(given id: String?) { ids = id.map { [$0] } ?? [] }

  /// As a field holds them: an id has no comma.
  public var text: String { ids.joined(separator: ",") }
  public init(text: String) { self.init(text.split(separator: ",").map(String.init)) }

  /// What is wrong with a value of `--part-id`; nil where nothing is.
  public static func fault(_ id: String) -> String? {
    let isPlain = id.unicodeScalars.allSatisfy { $0 != "," && $0.value >= 32 && $0.value != 127 }
    return id.isEmpty || !isPlain ? "--part-id \(id): write a name without commas and control characters" : nil
  }
}

/// Puts the ids of files together, each of which must come once.
public struct PartIDUnion {
  /// The file that each id came from.
  private var files: [String: String] = [:]

  public init() {}

  public var ids: PartIDs { PartIDs(Array(files.keys)) }

  /// Throws where one of the ids came before; the failure names it and both files.
  public mutating func add(_ new: PartIDs, of file: String) throws {
    for id in new.ids {
      guard let other = files.updateValue(file, forKey: id) else { continue }
      let both = other == file ? "twice from \(file)" : "from \(other) and from \(file)"
      throw Failure(.badData, "the part \"\(printable(id))\" comes \(both)", remedy: "merge each part once")
    }
  }
}
