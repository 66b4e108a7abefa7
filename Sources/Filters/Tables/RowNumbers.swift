import Groundwork

extension Row {
  /// A field read as a finite number; NaN where it is missing. Throws for anything else, infinities included.
  @inline(__always)
  public func finiteNumber(_ column: Int, _ reader: NumberReader, _ header: Header) throws -> Double {
    switch number(column, reader) {
    case .number(let value): return value
    case .missing: return .nan
    case let reading: throw numberFailure(reading, self, column, header)
    }
  }

  /// A field read as a number that may be infinite; NaN where it is missing. Throws for anything else.
  @inline(__always)
  public func number(_ column: Int, _ reader: NumberReader, _ header: Header) throws -> Double {
    switch number(column, reader) {
    case .number(let value), .infinite(let value): return value
    case .missing: return .nan
    case let reading: throw numberFailure(reading, self, column, header)
    }
  }
}

/// The failure for a field that is not the finite number it should be.
public func numberFailure(_ reading: NumberReading, _ row: Row, _ column: Int, _ header: Header) -> Failure {
  let text = printable(row.text(column))
  let place = Failure.Place(column: header.names[column])
  switch reading {
  case .infinite: return Failure(.badData, "\"\(text)\" is infinite", at: place)
  case .overflow: return Failure(.badData, "\"\(text)\" is too large for a number", at: place)
  default:
    // What is not printable may be what is odd.
    if let odd = OddNumber(row.text(column)) {
      return Failure(.badData, "\"\(text)\" is not a plain number: it \(odd.what)", at: place, remedy: odd.remedy)
    }
    let word = row.text(column)
    return Failure(.badData, "\"\(text)\" is not a number", at: place, remedy: MissingText.isUsual(word) ? MissingText.remedy(word) : nil)
  }
}

/// Text as a message shows it: control characters escaped, long text cut.
public func printable(_ text: String) -> String {
  let shown = escapingControls(String(text.unicodeScalars.prefix(60)))
  return text.unicodeScalars.count > 60 ? shown + "…" : shown
}

/// Text with `\xHH` for each control character.
public func escapingControls(_ text: String) -> String {
  var shown = ""
  for scalar in text.unicodeScalars {
    switch scalar.value {
    case 0..<32, 127..<160:
      let hex = String(scalar.value, radix: 16)
      shown += "\\x" + (hex.count < 2 ? "0" : "") + hex
    default: shown.unicodeScalars.append(scalar)
    }
  }
  return shown
}
