/// Lines of cells in columns, two blanks apart. Each column is as wide as its longest cell, but the last, whose text goes on below its
/// beginning where a line is full.
///
/// - Parameters:
///   - rows: cells of each line; those of the last column are one line of text each.
///   - indent: blanks before the first column.
///   - width: characters of a line. Where the last column had less than 24 of them, it takes 24.
public func alignedLines(_ rows: [[String]], indent: Int = 2, width: Int = 80) -> String {
  guard let columns = rows.first?.count, columns > 0 else { return "" }
  let widths = (0..<columns - 1).map { c in rows.map { $0[c].count }.max()! }
  let start = indent + widths.reduce(0) { $0 + $1 + 2 }
  var text = ""
  for row in rows {
    var line = String(repeating: " ", count: indent)
    for (cell, width) in zip(row, widths) { line += cell + String(repeating: " ", count: width - cell.count + 2) }
    let texts = wrapped(row[columns - 1], to: max(24, width - start))
    text += line + texts.joined(separator: "\n" + String(repeating: " ", count: start)) + "\n"
  }
  return text
}

/// The words of a text in lines of at most `width` characters, but for words that are longer.
private func wrapped(_ text: String, to width: Int) -> [String] {
  var lines = [""]
  for word in text.split(separator: " ") {
    let line = lines[lines.count - 1]
    if line.isEmpty {
      lines[lines.count - 1] = String(word)
    } else if line.count + 1 + word.count <= width {
      lines[lines.count - 1] += " " + word
    } else {
      lines.append(String(word))
    }
  }
  return lines
}
