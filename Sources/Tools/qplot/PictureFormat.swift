import ArgumentParser

enum PictureFormat: String, ExpressibleByArgument, CaseIterable { case svg, png, pdf, terminal }
