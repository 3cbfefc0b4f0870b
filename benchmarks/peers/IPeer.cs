namespace Heed.Peers;

/// <summary>Another runtime with the same work: the same shapes, threads and number of units per step.</summary>
internal interface IPeer : IDisposable
{
    /// <summary>Name and version.</summary>
    string Name { get; }

    /// <summary>Does one step.</summary>
    void Run();
}
