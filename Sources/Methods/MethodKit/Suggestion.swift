import Groundwork

/// So many names are listed in full, which holds the methods of every tool.
private let longestList = 24

/// "did you mean X?" for the nearest of `names` by edit distance, or the list where none is near.
public func suggestion(for wrong: String, among names: [String]) -> String {
  let near = names.map { (editDistance(wrong.lowercased(), $0), $0) }.min { $0.0 < $1.0 }
  if let near, near.0 <= max(2, wrong.count / 3), near.0 < wrong.count { return "did you mean \(near.1)?" }
  if names.isEmpty { return "it takes none" }
  let titles = names.map { $0.isEmpty ? "one without a name" : $0 }
  return "there \(names.count == 1 ? "is" : "are") \(Listing(all: names.count <= longestList)(titles))"
}

/// Levenshtein distance in characters.
func editDistance(_ a: String, _ b: String) -> Int {
  let b = Array(b)
  var row = Array(0...b.count)
  for (i, x) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for j in 0..<b.count {
      let above = row[j + 1]
      row[j + 1] = x == b[j] ? diagonal : 1 + min(diagonal, above, row[j])
      diagonal = above
    }
  }
  return row[b.count]
}
