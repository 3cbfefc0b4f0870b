using Heed.Models;
using Heed.Engine.Nn;
using Heed.Models.Gpt2;

namespace Heed.Generation.Tests;

/// <summary>Small random models.</summary>
internal static class TestModels
{
    /// <summary>A GPT-2 whose next token depends on all before it.</summary>
    public static CausalLanguageModel Gpt2(ulong seed = 1, int contextLength = 320) => CausalLanguageModel.Create(
        new Gpt2Config { Layers = 2, Heads = 4, Width = 48, Vocabulary = 211, ContextLength = contextLength, InitialDeviation = 0.25f },
        new ParameterSet(ParameterSource.Random(seed)));

    /// <summary>An engine that gives all pages back with the last text.</summary>
    public static InferenceOptions NoPrefixes { get; } = new() { MaximumPrefixBytes = 0 };

    /// <summary>Ids that look like nothing in particular.</summary>
    public static int[] Prompt(int length, int seed) => [.. Enumerable.Range(0, length).Select(i => ((i * 37) + (seed * 101) + (i * i * seed)) % 211)];
}
