namespace Heed.Engine.Runtime;

/// <summary>Work cut into parts that may run concurrently and in any order. A struct, so that running it allocates nothing.</summary>
internal interface IWork
{
    /// <summary>Does one part. No part may add to what another part writes.</summary>
    void Part(int part);

    /// <summary>What it is called and costs in a profile; nothing else asks.</summary>
    WorkCost Cost => default;
}
