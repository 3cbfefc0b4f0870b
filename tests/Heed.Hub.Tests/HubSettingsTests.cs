using System.Net;
using Heed.Hub;
using Heed.Testing;

namespace Heed.Hub.Tests;

public class HubSettingsTests
{
    [Theory]
    [InlineData("", "/home/u/.cache/huggingface/hub")]
    [InlineData("XDG_CACHE_HOME=/x", "/x/huggingface/hub")]
    [InlineData("XDG_CACHE_HOME=/x;HF_HOME=/h", "/h/hub")]
    [InlineData("XDG_CACHE_HOME=/x;HF_HOME=/h;HF_HUB_CACHE=/c", "/c")]
    [InlineData("HF_HOME=~/hf", "/home/u/hf/hub")]
    [InlineData("HF_HUB_CACHE= ", "/home/u/.cache/huggingface/hub")]
    [InlineData("HF_HOME=;XDG_CACHE_HOME=", "/home/u/.cache/huggingface/hub")]
    [InlineData("VOL=/v;HF_HOME=$VOL/hf", "/v/hf/hub")] // cases: 9b
    [InlineData("VOL=/v;HF_HUB_CACHE=${VOL}x/$NONE/c", "/vx/$NONE/c")]
    [InlineData("VOL=v;XDG_CACHE_HOME=~/$VOL", "/home/u/v/huggingface/hub")]
    public void The_cache_is_where_python_looks_for_it(string variables, string expected)
        => Assert.Equal(expected, From(variables).CacheFolder);

    [Fact]
    public void The_token_comes_from_the_variable_then_the_path_then_the_file()
    {
        using TemporaryFolder home = new();
        Assert.Null(From("", home.Path).Token);
        Directory.CreateDirectory(home.File(".cache/huggingface"));
        File.WriteAllText(home.File(".cache/huggingface/token"), "hf_file\n");
        Assert.Equal("hf_file", From("", home.Path).Token);
        File.WriteAllText(home.File("other"), "hf_path");
        Assert.Equal("hf_path", From($"HF_TOKEN_PATH={home.File("other")}", home.Path).Token);
        Assert.Equal("hf_variable", From($"HF_TOKEN=hf_variable;HF_TOKEN_PATH={home.File("other")}", home.Path).Token);
        ConfigException e = Assert.Throws<ConfigException>(() => From("HF_TOKEN=se cret", home.Path));
        Assert.DoesNotContain("cret", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HF_HUB_OFFLINE=1", true)]
    [InlineData("HF_HUB_OFFLINE=true", true)]
    [InlineData("HF_HUB_OFFLINE=0", false)]
    [InlineData("TRANSFORMERS_OFFLINE=YES", true)]
    [InlineData("", false)]
    public void Offline_is_read(string variables, bool expected) => Assert.Equal(expected, From(variables).Offline);

    // cases: 9a
    [Fact]
    public void A_home_that_does_not_exist_is_named_in_the_path_and_an_unknown_one_is_an_error()
    {
        Assert.Equal("/nowhere/.cache/huggingface/hub", From("", "/nowhere").CacheFolder);
        Assert.Contains("HF_HOME", Assert.Throws<ConfigException>(() => From("", "")).Message, StringComparison.Ordinal);
        Assert.Equal("/h/hub", From("HF_HOME=/h", "").CacheFolder);
    }

    // cases: 9b
    [Fact]
    public void The_path_of_the_token_is_expanded()
    {
        using TemporaryFolder home = new();
        File.WriteAllText(home.File("t"), "hf_x");
        Assert.Equal("hf_x", From("D=" + home.Path + ";HF_TOKEN_PATH=$D/t", home.Path).Token);
        Assert.Equal("hf_x", From("HF_TOKEN_PATH=~/t", home.Path).Token);
    }

    [Fact]
    public void The_endpoint_is_checked()
    {
        Assert.Equal("huggingface.co", From("").Endpoint.Host);
        Assert.Equal("/hub", From("HF_ENDPOINT=http://mirror:8080/hub/").Endpoint.AbsolutePath);
        Assert.Throws<ConfigException>(() => From("HF_ENDPOINT=ftp://x"));
        Assert.Throws<ConfigException>(() => From("HF_ENDPOINT=mirror"));
        Assert.Throws<ConfigException>(() => From("HF_ENDPOINT=http://u:p@mirror"));
    }

    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("172.31.0.1", true)]
    [InlineData("172.32.0.1", false)]
    [InlineData("192.168.0.1", true)]
    [InlineData("169.254.169.254", true)]
    [InlineData("100.64.0.1", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("0.0.0.0", true)]
    [InlineData("8.8.8.8", false)]
    [InlineData("::1", true)]
    [InlineData("::", true)]
    [InlineData("fe80::1", true)]
    [InlineData("fd00::1", true)]
    [InlineData("::ffff:192.168.0.1", true)]
    [InlineData("64:ff9b::a00:1", true)]
    [InlineData("2606:4700::1", false)]
    public void Private_addresses_are_known(string address, bool expected) => Assert.Equal(expected, HubHttp.IsPrivate(IPAddress.Parse(address)));

    [Theory]
    [InlineData("a/b.json", "*.json", true)]
    [InlineData("a/b.json", "a/?.json", true)]
    [InlineData("a/b.json", "b*", false)]
    [InlineData("", "*", true)]
    [InlineData("abcabc", "*abc", true)]
    [InlineData("abcabd", "*abc", false)]
    public void Patterns_match_whole_paths(string path, string pattern, bool expected) => Assert.Equal(expected, HubName.Matches(path, pattern));

    private static HubSettings From(string variables, string home = "/home/u")
    {
        Dictionary<string, string> map = variables.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(v => v.Split('=', 2)).ToDictionary(v => v[0], v => v[1], StringComparer.Ordinal);
        return HubSettings.From(name => map.GetValueOrDefault(name), home);
    }
}
