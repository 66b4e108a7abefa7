/// What a picture calls the group of a model.
func modelTitle(_ name: String) -> String { name.isEmpty ? "(no name)" : name }

extension PictureInput {
  /// Of all panels, those that are drawn: as many as `--panels` says, else 4, or as many as `-g` names. The caption tells of the others.
  func panels<Content>(_ all: [Content], _ noun: String, _ caption: inout Caption) -> [Content] {
    let shown = Array(all.prefix(panelLimit))
    if shown.count < all.count { caption.leaveOut(all.count - shown.count, of: all.count, noun) }
    return shown
  }

  var panelLimit: Int { panels ?? max(4, pickedModels?.count ?? 0) }

  /// The names of `-g`.
  var pickedModels: [String]? { groups.map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } }
}
