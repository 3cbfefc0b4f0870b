namespace Heed.Checkpoints;

/// <summary>How far the weights of a model are read or fetched.</summary>
/// <param name="Name">The file or tensor at hand.</param>
/// <param name="Bytes">Bytes done, of all files together.</param>
/// <param name="TotalBytes">Bytes of all files together.</param>
public readonly record struct LoadProgress(string Name, long Bytes, long TotalBytes);
