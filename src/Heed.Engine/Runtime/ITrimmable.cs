namespace Heed.Engine.Runtime;

/// <summary>Keeps memory for reuse and can give it back.</summary>
internal interface ITrimmable
{
    /// <summary>Gives back what nobody uses.</summary>
    void Trim();
}
