import Tables

extension FilterSession {
  /// Where a table has a row for each quantile, that qreshape reads it; nil for another one.
  func rowsOfQuantiles(_ header: Header) -> String? {
    guard ["output_type_id", "quantile_level"].contains(where: { header.index(of: $0) != nil }) else { return nil }
    return "there is a row for each quantile, which qreshape turns into a column for each"
  }

  /// Where quantiles are named as other systems do, that qreshape reads them; nil where no name tells.
  func otherFormat(_ header: Header) -> String? {
    if let rows = rowsOfQuantiles(header) { return rows }
    func isNumber(_ text: Substring) -> Bool { !text.isEmpty && text.utf8.allSatisfy { (48...57).contains($0) || $0 == 46 } && Double(text) != nil }
    func told(_ name: String) -> String? {
      guard name.utf8.count <= 256 else { return nil }
      if name.contains("."), isNumber(name[...]), let level = Double(name), level > 0, level < 1 {
        return "qreshape reads columns of levels such as \"\(printable(name))\""
      }
      let parts = name.split(separator: "-", omittingEmptySubsequences: false)
      if parts.count > 2, ["lo", "hi", "q"].contains(parts[parts.count - 2]), isNumber(parts[parts.count - 1]) {
        return "qreshape reads columns such as \"\(printable(name))\""
      }
      guard let at = name.lastIndex(where: { "qpQP".contains($0) }), at == name.startIndex || name[name.index(before: at)] == "_" else { return nil }
      let text = name[name.index(after: at)...]
      if text.hasPrefix("0_"), isNumber(text.dropFirst(2)) { return "qreshape reads columns such as \"\(printable(name))\"" }
      guard isNumber(text), let value = Double(text), value > 0, value < 100, name[at].isLowercase else { return nil }
      if value < 1 { return name[at] == "p" ? "where \"\(printable(name))\" is a percentile, qreshape --from percent reads it" : nil }
      return "where \"\(printable(name))\" is a percentile, qreshape --from percent reads it"
    }
    return header.names.lazy.compactMap(told).first
  }
}
