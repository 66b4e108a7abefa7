import Tables

/// Texts as they can be drawn: control characters escaped, and "□" for what has no meaning or no shape.
struct DrawableText {
  /// Ranges of characters that the installed fonts have; nil where the program that shows the picture has fonts of its own.
  private let drawable: [ClosedRange<UInt32>]?

  init(of drawing: Drawing, title: String?, _ format: PictureFormat) {
    var isPlain = title?.unicodeScalars.allSatisfy(DrawableText.isUsual) ?? true
    _ = drawing.mapTexts { text in
      isPlain = isPlain && text.unicodeScalars.allSatisfy(DrawableText.isUsual)
      return text
    }
    // Asking takes longer than drawing.
    drawable = format == .svg || format == .terminal ? nil : isPlain ? [] : DrawableText.installed()
  }

  /// Latin letters and the signs that qplot writes itself, which every font has.
  private static func isUsual(_ scalar: Unicode.Scalar) -> Bool { scalar.value < 0x180 || scalar == "…" || scalar == "□" }

  /// What fontconfig, which finds the fonts that gnuplot draws with, knows them to have; nothing where it is not there.
  private static func installed() -> [ClosedRange<UInt32>] {
    guard let result = try? ChildProcess.run("fc-list", ["--format", "%{charset}\n"]), result.status == 0 else { return [] }
    return Set(String(decoding: result.output, as: UTF8.self).split { $0 == " " || $0 == "\n" }).compactMap { range in
      let ends = range.split(separator: "-").compactMap { UInt32($0, radix: 16) }
      return ends.isEmpty || ends[0] > ends.last! ? nil : ends[0]...ends.last!
    }
  }

  func callAsFunction(_ text: String) -> String {
    var shown = String.UnicodeScalarView()
    for scalar in escapingControls(text).unicodeScalars {
      switch scalar.properties.generalCategory {
      case .lineSeparator, .paragraphSeparator: shown.append(" ")
      case .privateUse, .unassigned, .surrogate: shown.append("□")
      // They turn the order of what follows round, and have no shape of their own.
      case .format where scalar.value != 0x200C && scalar.value != 0x200D: continue
      case _ where DrawableText.isUsual(scalar) || scalar.properties.generalCategory == .format: shown.append(scalar)
      default: shown.append(drawable?.contains { $0.contains(scalar.value) } ?? true ? scalar : "□")
      }
    }
    return String(shown)
  }
}

extension Drawing {
  /// The drawing with each of its texts made another.
  func mapTexts(_ change: (String) -> String) -> Drawing {
    var drawing = self
    drawing.caption = caption.mapTexts(change)
    drawing.panels = panels.map { panel in
      var panel = panel
      panel.title = panel.title.map(change)
      panel.x = panel.x.mapTexts(change)
      panel.y = panel.y.mapTexts(change)
      panel.layers = panel.layers.map { layer in
        var layer = layer
        layer.name = layer.name.map(change)
        if case .texts(let texts) = layer.shape { layer.shape = .texts(texts.map { ($0.at, change($0.text)) }) }
        return layer
      }
      return panel
    }
    return drawing
  }
}

extension Axis {
  fileprivate func mapTexts(_ change: (String) -> String) -> Axis {
    var axis = self
    axis.label = change(label)
    if case .names(let names) = kind { axis.kind = .names(names.map(change)) }
    return axis
  }
}
