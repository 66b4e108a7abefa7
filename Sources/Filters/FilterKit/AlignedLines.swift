/// Lines of cells in columns, two blanks apart. Each column is as wide as its longest cell, but the last, whose text goes on below its
/// beginning where a line is full.
///
/// - Parameters:
///   - rows: cells of each line; those of the last column are one line of text each.
///   - indent: blanks before the first column.
///   - width: characters of a line. Where the last column had less than 24 of them, it takes 24.
///   - widest: what makes a column no wider: the cells after a longer one stand in the next line.
public func alignedLines(_ rows: [[String]], indent: Int = 2, width: Int = 79, widest: Int = 24) -> String {
  guard let columns = rows.first?.count, columns > 0 else { return "" }
  let widths = (0..<columns - 1).map { c in rows.map { $0[c].count }.filter { $0 <= widest }.max() ?? 0 }
  let starts = widths.reduce(into: [indent]) { $0.append($0.last! + $1 + 2) }
  var text = ""
  for row in rows {
    var line = ""
    for (cell, start) in zip(row.dropLast(), starts) {
      if line.count > start {
        text += line + "\n"
        line = ""
      }
      line += String(repeating: " ", count: start - line.count) + cell
    }
    let start = starts[columns - 1]
    if line.count + 2 > start, columns > 1 {
      text += line + "\n"
      line = ""
    }
    let texts = wrapped(row[columns - 1], to: max(24, width - start))
    text += line + String(repeating: " ", count: start - line.count) + texts.joined(separator: "\n" + String(repeating: " ", count: start)) + "\n"
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
